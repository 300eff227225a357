-- Who is appointed in the units $1 on the county's day $2, as they stand at the instant $3.
SELECT a.responder_id, r.name, a.unit_id, a.role::text AS role, a.grid_id, p.in_village AS present,
       EXISTS (SELECT FROM duty d WHERE d.responder_id = a.responder_id AND d.unit_id = a.unit_id AND d.during @> $3) AS on_duty,
       (SELECT count(*) FROM assignment s
        WHERE s.responder_id = a.responder_id AND s.role = 'owner' AND s.ended_at IS NULL) AS load
FROM appointment a
JOIN responder r ON r.id = a.responder_id
-- Presence is confirmed once a month; what was said more than two months ago says nothing any more.
LEFT JOIN LATERAL (
  SELECT q.in_village FROM presence q
  WHERE q.responder_id = a.responder_id AND q.month <= $2 AND q.month > $2 - 92
  ORDER BY q.month DESC LIMIT 1
) p ON true
WHERE a.unit_id = ANY ($1) AND a.valid_during @> $2
ORDER BY a.unit_id, a.role, a.responder_id
