-- A history row and, where a receiver may want to know, its notification: one statement, so that telling costs no round
-- trip. The notification keeps what later steps change: the owner and the limits.
WITH told AS (
  INSERT INTO notification (county_id, id, incident_id, ordinal, unit_id, accept_by, resolve_by, next_deadline_at)
  SELECT $1, $14, $2, $3, a.unit_id, i.accept_by, i.resolve_by, i.next_deadline_at
  FROM incident i JOIN assignment a ON a.county_id = i.county_id AND a.id = i.current_assignment_id
  WHERE i.county_id = $1 AND i.id = $2 AND $14::uuid IS NOT NULL
    AND EXISTS (SELECT FROM webhook_receiver r WHERE r.county_id = $1 AND r.enabled)
)
INSERT INTO incident_history (county_id, incident_id, ordinal, action, actor, at, from_version, from_state,
  to_state, unit_id, responder_id, note, previous_digest, digest, detail, salt, words_digest)
VALUES ($1, $2, $3, $4::incident_action, $5, $6, $3 - 1, $7::incident_state, $8::incident_state, $9, $10, $11, $12, $13, $15, $16, $17)
