-- Customers to be: invited by their partner (referrals, management-api.md 5.10), or signing up by themselves (portal.md 3).
CREATE TABLE sign_up (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    partner_no INTEGER NOT NULL REFERENCES partner (no),
    referral INTEGER NOT NULL,          -- 0: by itself, gone once it is confirmed or has expired
    email TEXT NOT NULL COLLATE NOCASE,
    organization_name TEXT,             -- as the partner suggests it
    message TEXT,
    created_by TEXT,                    -- null: a key
    token_hash BLOB,                    -- null: the link is of no use any more
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    accepted_at INTEGER,
    revoked_at INTEGER,
    organization_no INTEGER REFERENCES organization (no)
);
CREATE UNIQUE INDEX sign_up_token ON sign_up (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX sign_up_partner ON sign_up (partner_no, referral, no);
CREATE INDEX sign_up_email ON sign_up (partner_no, email);
CREATE INDEX sign_up_expiry ON sign_up (expires_at) WHERE referral = 0;
