-- Who may what in a tenant (management-api.md 7): members, groups, and what spaces grant to either.

ALTER TABLE membership ADD COLUMN deactivated_at INTEGER;
ALTER TABLE membership ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
-- "member", or "external": somebody of another tenant, who has only what a group or a space grants
UPDATE membership SET role = 'member', created_at = (SELECT u.created_at FROM user u WHERE u.no = user_no);

CREATE TABLE user_group (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    tenant_kind INTEGER NOT NULL,
    tenant_no INTEGER NOT NULL,
    kind INTEGER NOT NULL,              -- enum group_kind; 0: the tenant's own, else built in
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,          -- of a partner's: JSON object, "models":"write" and so on
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX user_group_name ON user_group (tenant_kind, tenant_no, name COLLATE NOCASE);

CREATE TABLE group_member (
    group_no INTEGER NOT NULL REFERENCES user_group (no) ON DELETE CASCADE,
    user_no INTEGER NOT NULL REFERENCES user (no) ON DELETE CASCADE,
    PRIMARY KEY (group_no, user_no)
) WITHOUT ROWID;
CREATE INDEX group_member_user ON group_member (user_no);

CREATE TABLE space_access (
    space_no INTEGER NOT NULL REFERENCES space (no) ON DELETE CASCADE,
    subject_kind INTEGER NOT NULL,      -- 1 user, 2 group
    subject_no INTEGER NOT NULL,
    role INTEGER NOT NULL,              -- 1 view, 2 edit, 3 admin
    PRIMARY KEY (space_no, subject_kind, subject_no)
) WITHOUT ROWID;
CREATE INDEX space_access_subject ON space_access (subject_kind, subject_no);

INSERT INTO user_group (id, tenant_kind, tenant_no, kind, name, permissions, created_at)
    SELECT randomblob(16), 1, no, 1, 'Administrators', '{}', created_at FROM partner;
INSERT INTO user_group (id, tenant_kind, tenant_no, kind, name, permissions, created_at)
    SELECT randomblob(16), 1, no, 3, 'Support', '{"models":"read","devices":"service","customers":"read","licenses":"read","tickets":"write"}',
           created_at FROM partner;
INSERT INTO user_group (id, tenant_kind, tenant_no, kind, name, permissions, created_at)
    SELECT randomblob(16), 2, no, 1, 'Administrators', '{}', created_at FROM organization;
INSERT INTO user_group (id, tenant_kind, tenant_no, kind, name, permissions, created_at)
    SELECT randomblob(16), 2, no, 2, 'Viewers', '{}', created_at FROM organization;
INSERT INTO group_member (group_no, user_no)
    SELECT g.no, m.user_no FROM membership m JOIN user_group g ON g.tenant_kind = m.tenant_kind AND g.tenant_no = m.tenant_no
    WHERE g.kind = 1;

CREATE TABLE space_asset ( -- equipment without a connection (management-api.md 6.2)
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    space_no INTEGER NOT NULL REFERENCES space (no) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT,
    serial TEXT,
    note TEXT,
    created_at INTEGER NOT NULL
);
CREATE INDEX space_asset_space ON space_asset (space_no, no);
