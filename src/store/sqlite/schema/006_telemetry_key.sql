-- What a model's maker says about its telemetry keys (management-api.md 5.4). The keys themselves are those of the
-- devices' states.
CREATE TABLE telemetry_key (
    model_no INTEGER NOT NULL REFERENCES model (no) ON DELETE CASCADE,
    key TEXT NOT NULL,
    label TEXT,
    unit TEXT,
    metered INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (model_no, key)
) WITHOUT ROWID;
