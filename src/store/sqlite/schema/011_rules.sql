-- Rules on telemetry (management-api.md 5.5).
CREATE TABLE rule (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    model_no INTEGER NOT NULL REFERENCES model (no),
    slot INTEGER NOT NULL,              -- 0..63, its bit among the rules of the model
    name TEXT NOT NULL,
    description TEXT,
    priority INTEGER NOT NULL,          -- 1..5
    active INTEGER NOT NULL,
    auto_close INTEGER NOT NULL,
    definition TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,   -- 1 its incidents are being closed, 2 likewise, and then it goes
    since_day INTEGER NOT NULL DEFAULT 0, -- samples up to here were judged by what it was before
    since_seq INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX rule_slot ON rule (model_no, slot);
CREATE INDEX rule_sweep ON rule (state) WHERE state <> 0;

CREATE TABLE rule_error ( -- values of another type than a condition's
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    rule_no INTEGER NOT NULL REFERENCES rule (no) ON DELETE CASCADE,
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    key TEXT NOT NULL,
    expected TEXT NOT NULL,
    found TEXT NOT NULL
);
CREATE INDEX rule_error_rule ON rule_error (rule_no, no);
CREATE INDEX rule_error_device ON rule_error (device_no);

ALTER TABLE incident ADD COLUMN rule_no INTEGER;          -- of one that a rule made
ALTER TABLE incident ADD COLUMN day INTEGER NOT NULL DEFAULT 0; -- the newest sample that decided on it: a replay of older ones does not
ALTER TABLE incident ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX incident_rule ON incident (device_no, rule_no, no) WHERE rule_no IS NOT NULL;
CREATE INDEX incident_of_rule ON incident (rule_no, closed_at) WHERE rule_no IS NOT NULL;
CREATE INDEX incident_position ON incident (day, seq) WHERE rule_no IS NOT NULL;
