-- An incident and its owner in one statement; answers a row only when it was new, by its id and by another system's number.
WITH made AS (
  INSERT INTO incident (county_id, id, state, category_id, restricted, urgency, description, location_source, geom, accuracy_m,
    confidence, household_id, location_text, village_id, grid_id, grid_version_id, reporter, reported_at, received_at,
    current_assignment_id, next_deadline_at, accept_by, resolve_by, version, resolved_at, resolved_by, closed_at, on_the_spot, external_system, external_no)
  VALUES ($1, $2, $3::incident_state, $4, $5, $6::urgency, $7, $8::location_source, ST_SetSRID(ST_MakePoint($9, $10), 4490), $11,
    $12, $13, $14, $15, $16, $17, $18, $19, $20,
    nextval('feature_id'), $21, $22, $23, $27, CASE WHEN $28::text IS NOT NULL THEN $20 END, $28, CASE WHEN $28 IS NOT NULL THEN $20 END, $28 IS NOT NULL, $29, $30)
  ON CONFLICT DO NOTHING
  RETURNING current_assignment_id
), owned AS (
  INSERT INTO assignment (county_id, id, incident_id, role, unit_id, responder_id, provisional, accept_by, started_at, accepted_at, ended_at)
  SELECT $1, current_assignment_id, $2, 'owner', $24, $25, $26, $22, $20, CASE WHEN $28 IS NOT NULL THEN $20 END, CASE WHEN $28 IS NOT NULL THEN $20 END
  FROM made
)
SELECT current_assignment_id FROM made
