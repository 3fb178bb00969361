-- Which firmware a device had when (portal.md 4.8; management-api.md 5.7, 6.1): the newest of each device.
CREATE TABLE firmware_change (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,             -- an owner sees those of its own time
    at INTEGER NOT NULL,
    former TEXT NOT NULL,
    version TEXT NOT NULL
);
CREATE INDEX firmware_change_device ON firmware_change (device_no, no);

-- The name that the device or its maker gave; null: none but the model's. An un-claim gives it back (device-api.md 10.1).
ALTER TABLE device ADD COLUMN reported_name TEXT;

-- How many mails of a kind a tenant got lately, without reading them.
CREATE INDEX mail_recent ON mail (tenant_kind, tenant_no, kind, created_at);
