-- Why: a matter's whole life: handed on, extended, set aside, helped with, merged, rated, and moved up when a limit passes.
ALTER TYPE incident_action ADD VALUE 'resume';
ALTER TYPE incident_action ADD VALUE 'sign_in';

ALTER TABLE incident
  ADD COLUMN merged_into uuid,
  ADD COLUMN rating smallint CHECK (rating BETWEEN 1 AND 5),
  -- Since when a limit has passed that has not been made good.
  ADD COLUMN overdue_since timestamptz,
  ADD FOREIGN KEY (county_id, merged_into) REFERENCES incident,
  ADD CHECK (merged_into <> id),
  ADD CHECK (merged_into IS NULL OR state = 'cancelled'),
  ADD CHECK (rating IS NULL OR state = 'closed');
CREATE INDEX incident_due ON incident (next_deadline_at) WHERE next_deadline_at IS NOT NULL;

-- Whoever is called to help and has not signed in by then is reminded once.
ALTER TABLE assignment ADD COLUMN missed_at timestamptz;
CREATE INDEX helper_due ON assignment (accept_by)
  WHERE role = 'helper' AND ended_at IS NULL AND accepted_at IS NULL AND missed_at IS NULL AND accept_by IS NOT NULL;

CREATE OR REPLACE VIEW layer_incident WITH (security_invoker = true) AS
SELECT i.number AS id, i.county_id, i.version, i.geom, i.number, i.id AS incident_id, i.state::text AS state,
       c.code AS category, c.name AS category_name, i.urgency::text AS urgency,
       i.village_id, v.name AS village_name, i.grid_id, i.reported_at, i.next_deadline_at,
       CASE WHEN i.next_deadline_at IS NOT NULL THEN i.overdue_since END AS overdue_since
FROM incident i
JOIN category c ON c.id = i.category_id
LEFT JOIN region v ON v.id = i.village_id
WHERE NOT i.restricted;
