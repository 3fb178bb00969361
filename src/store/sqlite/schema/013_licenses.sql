-- Products and licences (device-api.md 6, management-api.md 5.8).
CREATE TABLE product (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    partner_no INTEGER NOT NULL REFERENCES partner (no),
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,              -- 1 physical, 2 digital, 3 metered
    telemetry_key TEXT,                 -- metered: what is counted
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX product_name ON product (partner_no, name);

-- For which models; a product without a row is for all.
CREATE TABLE product_for_model (
    product_no INTEGER NOT NULL REFERENCES product (no) ON DELETE CASCADE,
    model_no INTEGER NOT NULL REFERENCES model (no) ON DELETE CASCADE,
    PRIMARY KEY (product_no, model_no)
) WITHOUT ROWID;
CREATE INDEX product_of_model ON product_for_model (model_no);

CREATE TABLE license (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    partner_no INTEGER NOT NULL REFERENCES partner (no),
    organization_no INTEGER NOT NULL REFERENCES organization (no),
    product_no INTEGER REFERENCES product (no),
    data TEXT NOT NULL,
    signature TEXT NOT NULL,            -- base64
    expires_at INTEGER,
    state INTEGER NOT NULL,             -- 1 pending, 2 inuse, 3 removed, 4 error
    action INTEGER,                     -- what the device is to do: 1 add, 2 update, 3 remove; null: nothing waits
    action_no INTEGER NOT NULL DEFAULT 0, -- grows with each action of any licence, stays when it is done
    fetched INTEGER NOT NULL DEFAULT 0, -- the device has got it since it was assigned
    error TEXT,                         -- of the device
    device_no INTEGER REFERENCES device (no) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX license_partner ON license (partner_no);
CREATE INDEX license_organization ON license (organization_no);
CREATE INDEX license_device ON license (device_no) WHERE device_no IS NOT NULL;
CREATE INDEX license_action ON license (action_no);
CREATE INDEX license_product ON license (product_no) WHERE product_no IS NOT NULL;

-- To which devices a licence was ever assigned: they may still report that it is gone.
CREATE TABLE license_assignment (
    license_no INTEGER NOT NULL REFERENCES license (no) ON DELETE CASCADE,
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    PRIMARY KEY (license_no, device_no)
) WITHOUT ROWID;
CREATE INDEX license_assignment_device ON license_assignment (device_no);
