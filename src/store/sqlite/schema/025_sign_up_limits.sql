-- How many mails of a kind wait is counted in the index alone.
DROP INDEX mail_waiting;
CREATE INDEX mail_waiting ON mail (tenant_kind, tenant_no, kind) WHERE state = 1;

-- Since when a referral is over: revoked, accepted or expired.
CREATE INDEX sign_up_over ON sign_up (coalesce(revoked_at, accepted_at, expires_at)) WHERE referral = 1;
