-- What one action changes of an incident: the parameters as db::incident::change binds them.
UPDATE incident SET
  state = $3::incident_state,
  next_deadline_at = $4,
  resolve_by = coalesce($8, resolve_by),
  resolved_at = CASE WHEN $6::text IS NULL THEN resolved_at ELSE $5 END,
  resolved_by = coalesce($6, resolved_by),
  -- What is open again was not closed on the spot, and has not been rated.
  on_the_spot = $7 OR on_the_spot AND $4::timestamptz IS NULL,
  overdue_since = CASE
    WHEN $9 = 'since' THEN coalesce(overdue_since, $5)
    WHEN $9 = 'stays' OR coalesce($8, resolve_by) < $5 THEN overdue_since
  END,
  closed_at = CASE WHEN $4::timestamptz IS NULL THEN coalesce(closed_at, $5) END,
  merged_into = coalesce($10, merged_into),
  rating = CASE WHEN $4::timestamptz IS NULL THEN coalesce($11, rating) END,
  current_assignment_id = coalesce($12, current_assignment_id),
  accept_by = coalesce($13, accept_by),
  location_source = coalesce($15::location_source, CASE WHEN $14 AND location_source = 'household' THEN 'map'::location_source END, location_source),
  geom = CASE WHEN $14 THEN coalesce(ST_SetSRID(ST_MakePoint($16, $17), 4490), geom) ELSE geom END,
  -- What is known of the old place is not known of the new one.
  accuracy_m = CASE WHEN $15 IS NOT NULL THEN $18 ELSE accuracy_m END,
  confidence = CASE WHEN $15 IS NOT NULL THEN $19 ELSE confidence END,
  household_id = CASE WHEN $14 THEN $20 ELSE household_id END,
  village_id = CASE WHEN $14 THEN $21 ELSE village_id END,
  grid_id = CASE WHEN $14 THEN $22 ELSE grid_id END,
  grid_version_id = CASE WHEN $14 THEN $23 ELSE grid_version_id END
WHERE county_id = $1 AND id = $2
RETURNING accept_by, resolve_by, next_deadline_at, CASE WHEN $4::timestamptz IS NOT NULL THEN overdue_since END
