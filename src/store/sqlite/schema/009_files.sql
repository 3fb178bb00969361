-- Files, firmware, dumps (device-api.md 8, management-api.md 5.6). A content is a file of the data folder, files/<id>; it
-- is removed some time after the row, by the list of those to be removed.
CREATE TABLE file (
    no INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of upload: the level of firmware pushes
    id BLOB NOT NULL UNIQUE,               -- of its content as well
    model_no INTEGER REFERENCES model (no) ON DELETE CASCADE,               -- exactly one of the two
    organization_no INTEGER REFERENCES organization (no) ON DELETE CASCADE,
    file_type INTEGER NOT NULL,            -- enum file_type
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    name TEXT NOT NULL,
    filename TEXT NOT NULL,
    description TEXT,
    version TEXT,
    checksum TEXT,
    signature TEXT,
    public_notes TEXT
);
CREATE INDEX file_model ON file (model_no, no) WHERE model_no IS NOT NULL;
CREATE INDEX file_organization ON file (organization_no, no) WHERE organization_no IS NOT NULL;
CREATE UNIQUE INDEX file_firmware ON file (model_no, version) WHERE model_no IS NOT NULL AND file_type = 1;

CREATE INDEX command_file ON command (file_id) WHERE file_id IS NOT NULL;

CREATE TABLE dump (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,               -- of its content as well
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    organization_no INTEGER,               -- whose device it was then; null: unclaimed
    length INTEGER NOT NULL,               -- of its content; what is behind that was never committed
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    mime TEXT NOT NULL,
    name TEXT NOT NULL
);
CREATE INDEX dump_device ON dump (device_no, no);
CREATE INDEX dump_created ON dump (created_at);

CREATE TABLE removed_content (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN INSERT OR IGNORE INTO removed_content VALUES (old.id); END;
CREATE TRIGGER dump_removed AFTER DELETE ON dump BEGIN INSERT OR IGNORE INTO removed_content VALUES (old.id); END;
