-- Somebody who has an account already comes into another tenant by its own consent (management-api.md 3.8, 10.1).
ALTER TABLE membership ADD COLUMN invitation_hash BLOB;    -- of the link's token; null: a member, else invited only
ALTER TABLE membership ADD COLUMN invitation_expires_at INTEGER;
CREATE INDEX membership_invitation ON membership (invitation_hash) WHERE invitation_hash IS NOT NULL;

-- A link made on the machine itself also turns one-time codes off, which one that went by mail does not.
ALTER TABLE password_reset ADD COLUMN resets_otp INTEGER NOT NULL DEFAULT 0;
