-- So many copies ($1) of the demo county's matters, strewn around them in place and time.
WITH source AS (
  SELECT i.*, row_number() OVER (ORDER BY number) AS r, count(*) OVER () AS n FROM incident i WHERE i.geom IS NOT NULL
), copy AS (
  SELECT s.*, gen_random_uuid() AS new_id, nextval('feature_id') AS new_owner, nextval('incident_number') AS new_number,
         (hashint8(k * 7919 + s.r) % 1000) / 1000.0 AS a, (hashint8(k * 104729 + s.r) % 1000) / 1000.0 AS b
  FROM source s, generate_series(1, $1::integer / (SELECT count(*) FROM source)::integer + 1) k LIMIT $1::integer
), made AS (
  INSERT INTO incident (county_id, id, number, state, category_id, restricted, urgency, description, location_source, geom, accuracy_m,
    confidence, location_text, village_id, grid_id, grid_version_id, reported_at, received_at, current_assignment_id,
    next_deadline_at, accept_by, resolve_by, closed_at)
  SELECT county_id, new_id, new_number, CASE WHEN next_deadline_at IS NULL THEN 'closed' ELSE 'pending_accept' END::incident_state, category_id, restricted,
    urgency, description, location_source, ST_Translate(geom, a * 0.002, b * 0.002), accuracy_m, confidence, location_text, village_id,
    grid_id, grid_version_id, '2026-11-20T02:00:00Z'::timestamptz - interval '85 days' * abs(a), '2026-11-20T02:00:00Z'::timestamptz - interval '85 days' * abs(a),
    new_owner, next_deadline_at, accept_by, resolve_by,
    CASE WHEN next_deadline_at IS NULL THEN '2026-11-20T02:00:00Z'::timestamptz - interval '20 days' * abs(b) END
  FROM copy
)
INSERT INTO assignment (county_id, id, incident_id, role, unit_id, started_at, ended_at)
SELECT c.county_id, c.new_owner, c.new_id, 'owner', a.unit_id, a.started_at, CASE WHEN c.next_deadline_at IS NULL THEN a.started_at END
FROM copy c JOIN assignment a ON a.county_id = c.county_id AND a.id = c.current_assignment_id;
