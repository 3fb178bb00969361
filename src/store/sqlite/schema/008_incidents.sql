-- Incidents that people list, acknowledge and comment on (management-api.md 3.6), and the events of devices
-- (device-api.md 9.4).
ALTER TABLE incident ADD COLUMN partner_no INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN acknowledged_by TEXT;   -- name of the user or key; null: nobody yet
ALTER TABLE incident ADD COLUMN acknowledged_at INTEGER;
UPDATE incident SET partner_no = (SELECT d.partner_no FROM device d WHERE d.no = incident.device_no);
DROP INDEX incident_organization;
CREATE INDEX incident_organization ON incident (organization_no, created_at);
CREATE INDEX incident_partner ON incident (partner_no, created_at);
CREATE INDEX incident_open ON incident (organization_no) WHERE closed_at IS NULL;

CREATE TABLE incident_comment (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_no INTEGER NOT NULL REFERENCES incident (no) ON DELETE CASCADE,
    author TEXT,                        -- name of the user; null: a key
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX incident_comment_incident ON incident_comment (incident_no, no);

CREATE TABLE device_event ( -- of former owners until the purge
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    device_no INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    int_key_1 INTEGER,
    int_key_2 INTEGER,
    string_key_1 TEXT,
    string_key_2 TEXT,
    at INTEGER NOT NULL,                -- when it happened, as far as the device says so credibly
    received_at INTEGER NOT NULL,
    intent_no INTEGER NOT NULL DEFAULT 0 -- of the QoS 2 publish that brought it; 0: none
);
CREATE INDEX device_event_device ON device_event (device_no, received_at);
CREATE INDEX device_event_received ON device_event (received_at);
CREATE INDEX device_event_intent ON device_event (intent_no) WHERE intent_no <> 0;
