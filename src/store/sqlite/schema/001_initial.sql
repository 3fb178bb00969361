-- The first schema of muster.db. `no` are row numbers used inside, `id` are UUIDs (16 bytes) shown outside. Times are
-- unix milliseconds, booleans 0/1, JSON is compact text. Enumerations are the numbers of the model's enums.

CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE setup_link (token_hash BLOB PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE partner (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    short_code TEXT NOT NULL UNIQUE,
    suspended INTEGER NOT NULL DEFAULT 0,
    license_private_key_sealed BLOB,
    license_public_key TEXT,
    legacy_key_hash BLOB UNIQUE,
    legacy_key_sealed BLOB,
    created_at INTEGER NOT NULL
);

CREATE TABLE organization (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    partner_no INTEGER NOT NULL REFERENCES partner (no),
    name TEXT NOT NULL,
    display_name TEXT,
    lab INTEGER NOT NULL DEFAULT 0,
    sandbox INTEGER NOT NULL DEFAULT 0,
    suspended INTEGER NOT NULL DEFAULT 0,
    contacts TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
);
CREATE INDEX organization_partner ON organization (partner_no);

CREATE TABLE space (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_no INTEGER NOT NULL REFERENCES organization (no),
    parent_no INTEGER REFERENCES space (no),
    name TEXT NOT NULL,
    space_type TEXT NOT NULL DEFAULT 'space',
    path TEXT NOT NULL,                 -- names joined by "/", the root first
    depth INTEGER NOT NULL DEFAULT 0,
    config TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX space_sibling ON space (organization_no, ifnull(parent_no, 0), name);
CREATE INDEX space_parent ON space (parent_no);

CREATE TABLE user (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name TEXT NOT NULL,
    password_hash TEXT,                 -- argon2id, encoded form
    system_admin INTEGER NOT NULL DEFAULT 0,
    preferences TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    deactivated_at INTEGER,
    last_login_at INTEGER,
    last_login_address TEXT,
    login_count INTEGER NOT NULL DEFAULT 0,
    otp_secret_sealed BLOB,             -- of one-time codes; null: none asked for
    otp_on INTEGER NOT NULL DEFAULT 0,  -- 1: sign-in needs a code
    otp_last_step INTEGER NOT NULL DEFAULT 0 -- of the last code taken: each is used once
);

CREATE TABLE password_reset (
    user_no INTEGER PRIMARY KEY REFERENCES user (no) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
);

CREATE TABLE membership (
    user_no INTEGER NOT NULL REFERENCES user (no) ON DELETE CASCADE,
    tenant_kind INTEGER NOT NULL,       -- 1 partner, 2 organization
    tenant_no INTEGER NOT NULL,
    role TEXT NOT NULL,                 -- "administrator"
    PRIMARY KEY (user_no, tenant_kind, tenant_no)
) WITHOUT ROWID;
CREATE INDEX membership_tenant ON membership (tenant_kind, tenant_no);

CREATE TABLE web_session (
    token_hash BLOB PRIMARY KEY,
    user_no INTEGER NOT NULL REFERENCES user (no) ON DELETE CASCADE,
    partner_no INTEGER,                 -- the tenants acted for
    organization_no INTEGER,
    csrf_token TEXT NOT NULL,
    address TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_key (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    tenant_kind INTEGER NOT NULL,
    tenant_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    scope INTEGER NOT NULL,             -- 0 read, 1 full
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
);
CREATE INDEX api_key_tenant ON api_key (tenant_kind, tenant_no);

CREATE TABLE model (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    partner_no INTEGER NOT NULL REFERENCES partner (no),
    name TEXT NOT NULL,
    icon BLOB,
    icon_type TEXT,
    sku TEXT,
    auth_cloud_id INTEGER NOT NULL,
    protocol INTEGER NOT NULL,          -- 1 https, 2 mqtt; immutable
    device_type INTEGER NOT NULL,       -- 1 physical, 2 digital, 3 application; immutable
    api_version INTEGER NOT NULL,       -- 0..7
    offline_threshold_minutes INTEGER,
    enabled_tabs TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    config_schema TEXT,
    parameters TEXT NOT NULL DEFAULT '[]',
    widgets TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX model_name ON model (partner_no, name);

CREATE TABLE model_version (
    model_no INTEGER NOT NULL REFERENCES model (no) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    document TEXT NOT NULL,
    author TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model_no, n)
) WITHOUT ROWID;

CREATE TABLE hardware_key (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    model_no INTEGER NOT NULL REFERENCES model (no) ON DELETE CASCADE,
    name TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    key_sealed BLOB NOT NULL,           -- must be readable again (management-api.md 5.2)
    expected_count INTEGER,
    enforce_count INTEGER NOT NULL DEFAULT 0,
    used_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    first_used_at INTEGER,
    last_used_at INTEGER
);
CREATE INDEX hardware_key_model ON hardware_key (model_no);

CREATE TABLE command_definition (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    model_no INTEGER NOT NULL REFERENCES model (no) ON DELETE CASCADE,
    name TEXT NOT NULL,
    friendly_name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    active INTEGER NOT NULL DEFAULT 1,
    with_file INTEGER NOT NULL DEFAULT 0,
    file_type TEXT,
    timeout_seconds INTEGER NOT NULL DEFAULT 0,
    custom_fields TEXT NOT NULL DEFAULT '[]',
    position INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX command_definition_name ON command_definition (model_no, name);

CREATE TABLE device (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    -- what the hot record needs comes first: loading all devices never reads the long texts at the end
    id BLOB NOT NULL UNIQUE,
    model_no INTEGER NOT NULL REFERENCES model (no),
    partner_no INTEGER NOT NULL,
    organization_no INTEGER,            -- null: unclaimed
    space_no INTEGER,
    parent_no INTEGER REFERENCES device (no),
    key_hash BLOB NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    info_version INTEGER NOT NULL DEFAULT 0,
    space_version INTEGER NOT NULL DEFAULT 0,      -- 0: unclaimed
    -- presence as of the last checkpoint; the day files hold what came after it
    status INTEGER NOT NULL DEFAULT 0,
    reported_status INTEGER NOT NULL DEFAULT 0,
    swept INTEGER NOT NULL DEFAULT 0,
    last_seen_at INTEGER,
    sample_day INTEGER NOT NULL DEFAULT 0,
    sample_seq INTEGER NOT NULL DEFAULT 0,
    space_version_last INTEGER NOT NULL DEFAULT 0, -- never given twice
    speaks_through_parent INTEGER NOT NULL DEFAULT 0, -- registered by its parent: serial not unique
    key_issued_at INTEGER NOT NULL,
    hardware_key_no INTEGER,
    incidents_suspended INTEGER NOT NULL DEFAULT 0,
    refused_registration_at INTEGER,
    replacement_until INTEGER,
    replacement_sn TEXT,
    created_at INTEGER NOT NULL,
    claimed_at INTEGER,
    sn TEXT,
    mac TEXT,
    mac_normal TEXT,                    -- hex digits, lowercase; text that is no MAC address as it is
    cloud_id TEXT UNIQUE,
    name TEXT NOT NULL,
    sub_model TEXT,
    firmware_version TEXT NOT NULL,
    host_address TEXT,
    custom_partner_name TEXT,
    custom_model_name TEXT,
    hub_url TEXT,
    mqtt_hub_url TEXT,
    details TEXT NOT NULL DEFAULT '{}',
    custom_parameters TEXT NOT NULL DEFAULT '{}', -- values of type password are sealed
    state TEXT NOT NULL DEFAULT '{}'    -- as of the last checkpoint
);
CREATE UNIQUE INDEX device_sn ON device (sn, model_no) WHERE sn IS NOT NULL AND speaks_through_parent = 0;
CREATE INDEX device_mac ON device (mac_normal) WHERE mac_normal IS NOT NULL;
CREATE INDEX device_partner ON device (partner_no, no);
CREATE INDEX device_model ON device (model_no, no);
CREATE INDEX device_firmware ON device (partner_no, model_no, firmware_version); -- firmware spread without the wide rows
CREATE INDEX device_organization ON device (organization_no, no) WHERE organization_no IS NOT NULL;
CREATE INDEX device_space ON device (space_no) WHERE space_no IS NOT NULL;
CREATE INDEX device_parent ON device (parent_no) WHERE parent_no IS NOT NULL;

-- QR codes derived from MAC and serial number (portal.md 6.3), for each usual spelling of the MAC: the first 63 bits of
-- the hash, which a match recomputes in full.
CREATE TABLE claim_code (
    code INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    PRIMARY KEY (code, device_no)
) WITHOUT ROWID;

-- Devices whose rows below an epoch await the sliced purge after an un-claim or a deletion.
CREATE TABLE purge (device_no INTEGER PRIMARY KEY, epoch_below INTEGER NOT NULL);

CREATE TABLE device_config (
    device_no INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    applied_version INTEGER NOT NULL DEFAULT 0,
    config TEXT NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE config_version ( -- the last 20 of each device
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    config TEXT NOT NULL,
    author TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (device_no, version)
) WITHOUT ROWID;

CREATE TABLE command (
    no INTEGER PRIMARY KEY AUTOINCREMENT,          -- order of the queue
    id BLOB NOT NULL UNIQUE,
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    organization_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    friendly_name TEXT NOT NULL,
    parameters TEXT,                    -- null: none
    secret_names TEXT,                  -- JSON array: the parameters that people do not read; null: none
    status INTEGER NOT NULL,            -- enum command_status
    message TEXT,
    file_id BLOB,
    timeout_seconds INTEGER NOT NULL DEFAULT 0,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    scheduled_at INTEGER,
    delivered_at INTEGER,
    finished_at INTEGER,
    queue_no INTEGER,                   -- place in the device's queue, growing; null: scheduled or final
    due_at INTEGER                      -- when the ticker must look: scheduled_at, or the timeout; null: never
);
CREATE INDEX command_device ON command (device_no, no);
CREATE INDEX command_open ON command (device_no, queue_no) WHERE finished_at IS NULL;
CREATE INDEX command_finished ON command (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX command_due ON command (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE registration ( -- provisioning log (device-api.md 2.3)
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    address TEXT,
    partner_no INTEGER,
    model_no INTEGER,
    hardware_key_no INTEGER,
    sn TEXT,
    mac TEXT,
    cloud_id TEXT,
    result INTEGER NOT NULL,            -- 1 created, 2 replaced, 3 refused
    error TEXT,
    device_id BLOB,
    count INTEGER NOT NULL DEFAULT 1    -- refusals of one (address, identity) are one row
);
CREATE INDEX registration_partner ON registration (partner_no, no);
CREATE INDEX registration_repeat ON registration (address, partner_no, cloud_id, sn) WHERE result = 3;

CREATE TABLE incident (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    device_no INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    organization_no INTEGER NOT NULL,
    origin INTEGER NOT NULL,            -- 1 rule, 2 user, 3 device, 4 offline
    priority INTEGER NOT NULL,          -- 1..5
    title TEXT NOT NULL,
    description TEXT,
    issue TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER
);
CREATE INDEX incident_device ON incident (device_no, closed_at, issue);
CREATE INDEX incident_closed ON incident (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX incident_organization ON incident (organization_no, no);

CREATE TABLE history ( -- state snapshots (management-api.md 3.2)
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    device_no INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX history_device ON history (device_no, at);
CREATE INDEX history_at ON history (at);

CREATE TABLE audit (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    tenant_kind INTEGER,
    tenant_no INTEGER,
    actor_kind TEXT NOT NULL,           -- user, key, device, system
    actor TEXT,                         -- name shown
    address TEXT,
    action TEXT NOT NULL,               -- "model.create"
    object_kind TEXT,
    object_id TEXT,
    detail TEXT                         -- before/after without secrets
);
CREATE INDEX audit_tenant ON audit (tenant_kind, tenant_no, no);
CREATE INDEX audit_object ON audit (object_kind, object_id);

CREATE TABLE idempotency ( -- management-api.md 1.3.3
    principal TEXT NOT NULL,
    route TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    reply_sealed BLOB NOT NULL,         -- under a key derived from the Idempotency-Key
    created_at INTEGER NOT NULL,
    PRIMARY KEY (principal, route, key_hash)
) WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);

-- Device states are consistent with the day files up to this position.
CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), day INTEGER NOT NULL, seq INTEGER NOT NULL);
INSERT INTO checkpoint (id, day, seq) VALUES (1, 0, 0);

CREATE TABLE mqtt_session (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    principal_kind INTEGER NOT NULL,    -- 1 device, 2 organization, 3 partner
    principal_no INTEGER NOT NULL,      -- device or tenant
    client_id TEXT NOT NULL,
    api_key_no INTEGER,
    expiry_seconds INTEGER NOT NULL,
    disconnected_at INTEGER,            -- null: connected, or the server stopped while it was
    will BLOB,                          -- the Will's PUBLISH as MQTT 5 bytes
    will_delay INTEGER NOT NULL DEFAULT 0,
    will_due_at INTEGER,
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX mqtt_session_client ON mqtt_session (principal_kind, principal_no, client_id);

CREATE TABLE mqtt_subscription (
    session_no INTEGER NOT NULL REFERENCES mqtt_session (no) ON DELETE CASCADE,
    filter TEXT NOT NULL,
    options INTEGER NOT NULL,           -- the subscription options byte
    identifier INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session_no, filter)
) WITHOUT ROWID;

CREATE TABLE mqtt_inbound ( -- QoS 2 packet ids received and not yet released
    session_no INTEGER NOT NULL REFERENCES mqtt_session (no) ON DELETE CASCADE,
    packet_id INTEGER NOT NULL,
    intent INTEGER NOT NULL DEFAULT 0,  -- enum session_intent, with the witness of before
    witness_day INTEGER NOT NULL DEFAULT 0,
    witness_seq INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session_no, packet_id)
) WITHOUT ROWID;

CREATE TABLE mqtt_queue ( -- QoS 1 and 2 messages waiting or in flight, in order
    session_no INTEGER NOT NULL REFERENCES mqtt_session (no) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    qos INTEGER NOT NULL,
    packet_id INTEGER,                  -- null: not sent yet
    message BLOB NOT NULL,              -- PUBLISH as MQTT 5 bytes, packet id 0
    expires_at INTEGER,
    device_no INTEGER NOT NULL DEFAULT 0, -- whose topic, and its epoch then
    epoch INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session_no, seq)
) WITHOUT ROWID;
