-- QoS 2 publishes that were taken (their packet id is committed) and are on their way to the sessions of another loop, one
-- row for each loop: removed with the commit that holds what those sessions got.
CREATE TABLE mqtt_relay (
    no INTEGER PRIMARY KEY,
    loop INTEGER NOT NULL,              -- and of how many; -1: the groups of shared subscriptions
    loops INTEGER NOT NULL,
    sender_no INTEGER NOT NULL,         -- the publishing session
    space INTEGER NOT NULL,             -- the rest as in mqtt_retained
    message BLOB NOT NULL,
    expires_at INTEGER,
    device_no INTEGER NOT NULL,
    organization_no INTEGER NOT NULL,
    epoch INTEGER NOT NULL
);
-- The number that an intended sample takes with it into its day file: there it tells that it was stored.
ALTER TABLE mqtt_inbound ADD COLUMN intent_no INTEGER NOT NULL DEFAULT 0;
