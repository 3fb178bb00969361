-- What a partner or an organization sets for itself and nothing looks for by value (management-api.md 5.10, 6.2).
CREATE TABLE tenant_settings (
    tenant_kind INTEGER NOT NULL,       -- 1 partner, 2 organization
    tenant_no INTEGER NOT NULL,
    document TEXT NOT NULL,             -- JSON object
    PRIMARY KEY (tenant_kind, tenant_no)
) WITHOUT ROWID;
