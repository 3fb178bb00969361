-- Devices that nobody has claimed yet have the name that they or their maker gave: an un-claim gives it back. Of those that were
-- claimed before, the owner may have given it.
UPDATE device SET reported_name = name
    WHERE reported_name IS NULL AND organization_no IS NULL AND claimed_at IS NULL AND epoch = 0;
