-- Lists of 100,000 rows: what their filters and counts look at is in the indexes, so that the wide rows are not read. The
-- texts of a device are one text there, the name first: sqlite/device_list_store.c spells it the same way.
DROP INDEX device_partner;
CREATE INDEX device_partner ON device (partner_no, no, organization_no, model_no, epoch,
    (name || char(31) || ifnull(sn, '') || char(31) || ifnull(mac, '') || char(31) || ifnull(cloud_id, '')), id);
DROP INDEX device_organization;
CREATE INDEX device_organization ON device (organization_no, no, partner_no, model_no, epoch,
    (name || char(31) || ifnull(sn, '') || char(31) || ifnull(mac, '') || char(31) || ifnull(cloud_id, '')), id)
    WHERE organization_no IS NOT NULL;
DROP INDEX device_model;
CREATE INDEX device_model ON device (model_no, no, partner_no, organization_no, custom_model_name);
-- names that were changed, which incidents are searched by
CREATE INDEX device_custom_model ON device (custom_model_name) WHERE custom_model_name IS NOT NULL;
CREATE INDEX device_custom_partner ON device (custom_partner_name) WHERE custom_partner_name IS NOT NULL;
CREATE INDEX device_sub_model ON device (sub_model) WHERE sub_model IS NOT NULL;

DROP INDEX history_device;
CREATE INDEX history_device ON history (device_no, at, no, epoch, status);

DROP INDEX incident_organization;
CREATE INDEX incident_organization ON incident (organization_no, created_at, no, device_no, priority, closed_at, partner_no);
DROP INDEX incident_partner;
CREATE INDEX incident_partner ON incident (partner_no, created_at, no, device_no, priority, closed_at, organization_no);

DROP INDEX registration_partner;
CREATE INDEX registration_partner ON registration (partner_no, no, at, result, model_no, count);
DROP INDEX registration_key;
CREATE INDEX registration_key ON registration (hardware_key_no, at, result, address) WHERE hardware_key_no IS NOT NULL;

DROP INDEX audit_tenant;
CREATE INDEX audit_tenant ON audit (tenant_kind, tenant_no, no, at, action, object_kind);
