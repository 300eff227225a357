-- Why: an agenda holds what a sitting can take, a matter waits on one agenda at a time, and it is known how often it was
-- carried over, so that it goes one level up in the end.

-- How many matters a sitting takes; NULL is the usual number. Capacity is another thing: how many people it holds.
ALTER TABLE venue ADD COLUMN agenda_limit integer CHECK (agenda_limit BETWEEN 1 AND 50);

ALTER TABLE deliberation
  ADD COLUMN carried_over_count integer NOT NULL DEFAULT 0 CHECK (carried_over_count >= 0),
  ADD CHECK ((carried_over_from IS NULL) = (carried_over_count = 0)),
  ADD CHECK (outcome NOT IN ('agreed', 'not_agreed') OR resolution <> '');
CREATE UNIQUE INDEX one_waiting_deliberation ON deliberation (county_id, incident_id) WHERE outcome = 'waiting';
CREATE UNIQUE INDEX carried_over_once ON deliberation (carried_over_from);
CREATE INDEX deliberation_day ON deliberation (county_id, day, venue_id, agenda_no);

CREATE OR REPLACE VIEW layer_venue WITH (security_invoker = true) AS
SELECT p.id, p.county_id, p.version, p.geom, p.name, p.kind::text AS kind, p.capacity, p.opening_hours,
       p.village_id, v.name AS village_name, p.agenda_limit
FROM venue p JOIN region v ON v.id = p.village_id;
