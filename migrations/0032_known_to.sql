-- Why: a matter is known to the units that have or had a part in it, and to whoever reported it, wherever it lies. The map
-- says so of each matter itself, so that it holds the moment the matter is written; it is told to nobody.
CREATE OR REPLACE VIEW layer_incident WITH (security_invoker = true) AS
SELECT i.number AS id, i.county_id, i.version, i.geom, i.number, i.id AS incident_id, i.state::text AS state,
       c.code AS category, c.name AS category_name, i.urgency::text AS urgency,
       i.village_id, v.name AS village_name, i.grid_id, i.reported_at, i.next_deadline_at,
       CASE WHEN i.next_deadline_at IS NOT NULL THEN i.overdue_since END AS overdue_since,
       ARRAY(SELECT a.unit_id FROM assignment a WHERE a.county_id = i.county_id AND a.incident_id = i.id
             UNION SELECT i.reported_by WHERE i.reported_by IS NOT NULL) AS known_to
FROM incident i
JOIN category c ON c.id = i.category_id
LEFT JOIN region v ON v.id = i.village_id
WHERE NOT i.restricted;

-- Nothing asks for a unit's matters every other second any more.
DROP INDEX assignment_unit;
