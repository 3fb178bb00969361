-- Devices that are shown as one (management-api.md 3.2): the shadows of a primary. A primary is in no row of its own.
CREATE TABLE device_shadow (
    device_no INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    primary_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE
);
CREATE INDEX device_shadow_primary ON device_shadow (primary_no);
