-- Which finished calls are too many is found without walking over those that wait.
CREATE INDEX delivery_final ON delivery (tenant_kind, tenant_no, no) WHERE state <> 1;
