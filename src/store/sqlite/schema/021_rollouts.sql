-- Rollouts (management-api.md 6.2): one command to many devices, in waves.
CREATE TABLE rollout (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    organization_no INTEGER NOT NULL REFERENCES organization (no),
    name TEXT NOT NULL,
    target TEXT NOT NULL,               -- as it was given: JSON
    command TEXT NOT NULL,              -- the body of a sent command: JSON
    secret_names TEXT,                  -- JSON array: parameters that people do not read; null: none
    waves TEXT NOT NULL,                -- JSON array: percent of the devices, adding up to 100
    success_percent INTEGER NOT NULL,
    error_percent INTEGER NOT NULL,
    state INTEGER NOT NULL,             -- enum rollout_state
    reason INTEGER NOT NULL DEFAULT 0,  -- enum rollout_reason: why it paused by itself
    task INTEGER NOT NULL DEFAULT 0,    -- enum rollout_task: what goes in slices
    filled_to INTEGER NOT NULL DEFAULT 0, -- of filling: the last device number, or place in the list, that was looked at
    devices INTEGER NOT NULL DEFAULT 0, -- how many are listed
    wave INTEGER NOT NULL DEFAULT 0,    -- that runs, from 1; 0: none yet
    forgiven INTEGER NOT NULL DEFAULT 0, -- failures of that wave in spite of which it was resumed
    attempt INTEGER NOT NULL DEFAULT 1, -- grows with every retry of the failed ones
    owner_no INTEGER,                   -- the user who made it; null: a key
    actor_no INTEGER,                   -- the user who let it run last, whose rights count; null: a key
    actor_key_no INTEGER,
    created_by TEXT,                    -- null: a key
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
);
CREATE INDEX rollout_organization ON rollout (organization_no, no);
CREATE INDEX rollout_running ON rollout (no) WHERE state = 2;
CREATE INDEX rollout_finished ON rollout (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE rollout_wave (
    rollout_no INTEGER NOT NULL REFERENCES rollout (no) ON DELETE CASCADE,
    wave INTEGER NOT NULL,              -- from 1
    last_seq INTEGER NOT NULL,          -- of its devices
    waiting INTEGER NOT NULL,           -- how many are in which state
    sent INTEGER NOT NULL,
    done INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    PRIMARY KEY (rollout_no, wave)
) WITHOUT ROWID;

CREATE TABLE rollout_device (
    rollout_no INTEGER NOT NULL REFERENCES rollout (no) ON DELETE CASCADE,
    seq INTEGER NOT NULL,               -- from 1
    device_no INTEGER REFERENCES device (no) ON DELETE SET NULL,
    device_id BLOB NOT NULL,            -- stays when the device is gone
    state INTEGER NOT NULL,             -- enum rollout_device_state
    attempt INTEGER NOT NULL,           -- in which it got that state
    command_id BLOB,                    -- the last one; written in the transaction that makes the command
    reason TEXT,                        -- why it failed or was skipped
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (rollout_no, seq)
) WITHOUT ROWID;
CREATE INDEX rollout_device_state ON rollout_device (rollout_no, state, seq);
CREATE INDEX rollout_device_device ON rollout_device (device_no) WHERE device_no IS NOT NULL;
CREATE UNIQUE INDEX rollout_device_command ON rollout_device (command_id) WHERE command_id IS NOT NULL;

-- The counts of a wave follow its devices, whatever changes them.
CREATE TRIGGER rollout_device_counted AFTER UPDATE OF state ON rollout_device WHEN old.state <> new.state BEGIN
    UPDATE rollout_wave SET
        waiting = waiting - (old.state = 1) + (new.state = 1),
        sent = sent - (old.state = 2) + (new.state = 2),
        done = done - (old.state = 3) + (new.state = 3),
        failed = failed - (old.state = 4) + (new.state = 4),
        skipped = skipped - (old.state = 5) + (new.state = 5)
    WHERE rollout_no = new.rollout_no AND wave = (
        SELECT min(wave) FROM rollout_wave WHERE rollout_no = new.rollout_no AND last_seq >= new.seq);
END;
