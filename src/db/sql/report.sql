-- An incident with its owner, helpers, history, decision and notification in one statement, so that a report costs one journey to the
-- database. Answers a row only when the id was new, and so was the
-- number of another system. Who asks is set first: every insert reads its rows from `asker`, so
-- row-level security sees the county when it checks them.
WITH asker AS MATERIALIZED (
  SELECT set_config('yitu.county_id', $1::text, true)::bigint AS county_id, set_config('yitu.viewer', $2, true) AS name,
    set_config('yitu.matters', 'every', true) AS matters
), made AS (
  INSERT INTO incident (county_id, id, state, category_id, restricted, urgency, description, location_source, geom, accuracy_m,
    confidence, household_id, location_text, village_id, grid_id, grid_version_id, reporter, reported_at, received_at,
    current_assignment_id, next_deadline_at, accept_by, resolve_by, version, resolved_at, resolved_by, closed_at, on_the_spot, external_system, external_no, reported_by)
  SELECT county_id, $3, $4::incident_state, $5, $6, $7::urgency, $8, $9::location_source, ST_SetSRID(ST_MakePoint($10, $11), 4490), $12,
    $13, $14, $15, $16, $17, $18, $19, $20, $21,
    nextval('feature_id'), $22, $23, $24, $25, CASE WHEN $26::text IS NOT NULL THEN $21 END, $26,
    CASE WHEN $26 IS NOT NULL THEN $21 END, $26 IS NOT NULL, $51, $52, $53
  FROM asker WHERE name IS NOT NULL AND matters IS NOT NULL
  ON CONFLICT DO NOTHING
  RETURNING county_id, id, number, current_assignment_id
), owned AS (
  INSERT INTO assignment (county_id, id, incident_id, role, unit_id, responder_id, provisional, accept_by, started_at, accepted_at, ended_at)
  SELECT county_id, current_assignment_id, id, 'owner', $27, $28, $29, $23, $21,
    CASE WHEN $26 IS NOT NULL THEN $21 END, CASE WHEN $26 IS NOT NULL THEN $21 END
  FROM made
), helping AS (
  INSERT INTO assignment (county_id, incident_id, role, unit_id, started_at)
  SELECT county_id, id, 'helper', unit_id, $21 FROM made, unnest($30::bigint[]) AS h (unit_id)
), told AS (
  INSERT INTO incident_history (county_id, incident_id, ordinal, action, actor, at, from_version, from_state, to_state,
    unit_id, responder_id, note, detail, salt, words_digest, previous_digest, digest)
  SELECT county_id, id, s.ordinal, s.action::incident_action, s.actor, $21, s.ordinal - 1, s.from_state::incident_state,
    s.to_state::incident_state, s.unit_id, s.responder_id, s.note, s.detail, s.salt, s.words_digest, s.previous_digest, s.digest
  FROM made, unnest($31::integer[], $32::text[], $33::text[], $34::text[], $35::text[], $36::bigint[], $37::bigint[], $38::text[],
    $39::jsonb[], $40::bytea[], $41::bytea[], $42::bytea[], $43::bytea[]) AS s (ordinal, action, actor, from_state, to_state, unit_id, responder_id, note, detail, salt, words_digest, previous_digest, digest)
), decided AS (
  INSERT INTO dispatch_decision (county_id, incident_id, decided_at, algorithm_version, rule_version, inputs, outcome, explanation)
  SELECT county_id, id, $21, $44, $45, $46::text::json, $47::text::json, $48 FROM made
), notified AS (
  INSERT INTO notification (county_id, id, incident_id, ordinal, unit_id, accept_by, resolve_by, next_deadline_at)
  SELECT county_id, $49, id, $50, $27, $23, $24, $22 FROM made
  WHERE $49::uuid IS NOT NULL AND EXISTS (SELECT FROM webhook_receiver r WHERE r.county_id = made.county_id AND r.enabled)
)
SELECT m.number, e.epoch, pg_current_xact_id()::text AS xid FROM made m, log_epoch e
