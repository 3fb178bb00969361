-- Notes on devices and spaces (management-api.md 3.9), tickets between an organization and its partner (3.7, 4).
CREATE TABLE note (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    organization_no INTEGER NOT NULL REFERENCES organization (no),
    device_no INTEGER REFERENCES device (no) ON DELETE CASCADE, -- one of the two
    space_no INTEGER REFERENCES space (no) ON DELETE CASCADE,
    content TEXT NOT NULL,
    created_by TEXT,                    -- null: a key
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX note_organization ON note (organization_no, no);
CREATE INDEX note_device ON note (device_no, no) WHERE device_no IS NOT NULL;
CREATE INDEX note_space ON note (space_no, no) WHERE space_no IS NOT NULL;

CREATE TABLE ticket (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    organization_no INTEGER NOT NULL REFERENCES organization (no),
    partner_no INTEGER NOT NULL REFERENCES partner (no),
    device_no INTEGER REFERENCES device (no) ON DELETE SET NULL,
    device_id BLOB NOT NULL,            -- stays when the device is gone
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    user_name TEXT,                     -- who made it; null: a key
    user_email TEXT,
    created_at INTEGER NOT NULL,
    resolved_at INTEGER                 -- null: open
);
CREATE INDEX ticket_organization ON ticket (organization_no, no);
CREATE INDEX ticket_partner ON ticket (partner_no, no);
CREATE INDEX ticket_device ON ticket (device_no) WHERE device_no IS NOT NULL;

CREATE TABLE ticket_comment (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_no INTEGER NOT NULL REFERENCES ticket (no) ON DELETE CASCADE,
    owner_kind INTEGER NOT NULL,        -- whose: 1 partner, 2 organization
    owner TEXT NOT NULL,
    user TEXT,                          -- null: a key
    system INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX ticket_comment_ticket ON ticket_comment (ticket_no, no);
