-- Retained MQTT messages. In mqtt_queue, an empty message is one that the client acknowledged with PUBREC: its id is
-- kept until PUBCOMP.
CREATE TABLE mqtt_retained (
    space INTEGER NOT NULL,             -- 0: the devices' topics, else an open listener's
    topic TEXT NOT NULL,
    message BLOB NOT NULL,              -- PUBLISH as MQTT 5 bytes
    expires_at INTEGER,
    device_no INTEGER NOT NULL,         -- whose topic, its owner and its epoch then
    organization_no INTEGER NOT NULL,   -- 0: unclaimed
    epoch INTEGER NOT NULL,
    PRIMARY KEY (space, topic)
) WITHOUT ROWID;
CREATE INDEX mqtt_retained_device ON mqtt_retained (device_no);
CREATE INDEX mqtt_retained_expiry ON mqtt_retained (expires_at) WHERE expires_at IS NOT NULL;
