-- When the summary of an organization's incidents is due next (management-api.md 6.2, 8.2).
CREATE TABLE daily_summary (
    organization_no INTEGER PRIMARY KEY REFERENCES organization (no),
    next_at INTEGER NOT NULL
);
CREATE INDEX daily_summary_due ON daily_summary (next_at);
