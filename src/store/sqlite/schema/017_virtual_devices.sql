-- Devices that the server itself simulates (management-api.md 5.7).
ALTER TABLE device ADD COLUMN virtual INTEGER NOT NULL DEFAULT 0;
CREATE INDEX device_virtual ON device (partner_no) WHERE virtual = 1;

-- The simulations that run: a row goes when its time has passed, or with its device.
CREATE TABLE simulation (
    device_no INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    started_at INTEGER NOT NULL,
    access_key BLOB NOT NULL            -- sealed: the simulation goes on after a restart
);
