-- Why: the duty officer's lists and the figures: how many of the matters closed on the spot someone else looks at, and
-- matters by the day they came in and the day they ended.
ALTER TABLE region ADD COLUMN spot_check_percent smallint NOT NULL DEFAULT 5 CHECK (spot_check_percent BETWEEN 0 AND 100);  -- a county's counts
CREATE INDEX incident_received ON incident (county_id, received_at);
CREATE INDEX incident_ended ON incident (county_id, closed_at) WHERE closed_at IS NOT NULL;
-- The order of lists, id included, so that a page is read without sorting what is on all the others.
DROP INDEX incident_reported;
CREATE INDEX incident_reported ON incident (county_id, reported_at DESC, id DESC);
