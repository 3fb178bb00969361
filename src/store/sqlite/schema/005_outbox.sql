-- What is told to the outside (management-api.md 8): queued by the commit that it tells of, sent after it.

-- Where a partner's events go (8.1). Without a row, or with an empty URL, nothing is queued.
CREATE TABLE webhook (
    partner_no INTEGER PRIMARY KEY REFERENCES partner (no),
    url TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    events TEXT                         -- JSON array of event types; null: all
);

-- HTTP calls: the partners' webhooks, and the chat channels of spaces (8.3). Of the waiting ones of a device only the
-- first has a due_at: that keeps their order.
CREATE TABLE delivery (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,            -- event_id
    tenant_kind INTEGER NOT NULL,       -- whose: a partner's webhook, an organization's channel
    tenant_no INTEGER NOT NULL,
    device_no INTEGER NOT NULL,         -- in whose order; 0: in none
    channel INTEGER NOT NULL,           -- enum delivery_channel
    event_type TEXT NOT NULL,
    url_sealed BLOB,                    -- of a channel; null: the partner's webhook as it is when sent
    body TEXT NOT NULL,                 -- JSON object; of a webhook without its secret
    state INTEGER NOT NULL,             -- enum delivery_state
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,                     -- null: final, or behind an earlier one of its device
    status INTEGER,                     -- HTTP status of the last attempt; null: no reply came
    error TEXT,                         -- why the last attempt failed
    created_at INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX delivery_due ON delivery (tenant_kind, tenant_no, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (tenant_kind, tenant_no, device_no, no) WHERE state = 1;
CREATE INDEX delivery_tenant ON delivery (tenant_kind, tenant_no, no);

-- How many deliveries of a tenant wait: the limit is checked without counting them.
CREATE TABLE delivery_queue (
    tenant_kind INTEGER NOT NULL,
    tenant_no INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    PRIMARY KEY (tenant_kind, tenant_no)
) WITHOUT ROWID;
CREATE INDEX delivery_queue_waiting ON delivery_queue (tenant_kind, tenant_no) WHERE waiting > 0;

CREATE TABLE mail (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    tenant_kind INTEGER NOT NULL,       -- in whose list it is; 0: only in the installation's
    tenant_no INTEGER NOT NULL,
    kind INTEGER NOT NULL,              -- enum mail_kind
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,                 -- without the link
    link_sealed BLOB,                   -- null: none, or it led somewhere once and is of no use any more
    link_expires_at INTEGER,            -- null: it carries no secret
    state INTEGER NOT NULL,             -- enum mail_state
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,                     -- null: final
    error TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX mail_due ON mail (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX mail_waiting ON mail (tenant_kind, tenant_no) WHERE state = 1;
CREATE INDEX mail_tenant ON mail (tenant_kind, tenant_no, no);
CREATE INDEX mail_link ON mail (link_expires_at) WHERE link_sealed IS NOT NULL AND link_expires_at IS NOT NULL;
