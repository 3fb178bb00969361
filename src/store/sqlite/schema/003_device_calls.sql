-- What the device API needs besides: records that wait for their replacement are found by model (device-api.md 2.3.3),
-- and what a device says of itself (7.2) has a rate of its own.
CREATE INDEX device_replacement ON device (model_no) WHERE replacement_until IS NOT NULL;
ALTER TABLE device ADD COLUMN applied_space_version INTEGER NOT NULL DEFAULT 0; -- the last one it confirmed
ALTER TABLE device ADD COLUMN update_hour INTEGER NOT NULL DEFAULT 0;           -- hours since 1970 of the last update ...
ALTER TABLE device ADD COLUMN update_count INTEGER NOT NULL DEFAULT 0;          -- ... and how many there were in it
