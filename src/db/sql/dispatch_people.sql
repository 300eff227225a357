-- Who is appointed in the units $1 on the county's day $2, with the hours they are on duty between the instants $3 and $4.
-- Party members and representatives of a group or village are asked only while on duty, so only those who have any are read.
SELECT a.responder_id, r.name, a.unit_id, a.role::text AS role, a.grid_id, p.in_village AS present, d.from_at AS duty_from, d.to_at AS duty_to
FROM appointment a
JOIN responder r ON r.id = a.responder_id
JOIN handling_unit u ON u.id = a.unit_id
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(greatest(coalesce(lower(q.during), $3), $3) ORDER BY q.during), '{}') AS from_at,
         coalesce(array_agg(least(coalesce(upper(q.during), $4), $4) ORDER BY q.during), '{}') AS to_at
  FROM duty q WHERE q.responder_id = a.responder_id AND q.unit_id = a.unit_id AND q.during && tstzrange($3, $4)
) d
-- Presence is confirmed once a month; what was said more than two months ago says nothing any more.
LEFT JOIN LATERAL (
  SELECT q.in_village FROM presence q
  WHERE q.responder_id = a.responder_id AND q.month <= $2 AND q.month > $2 - 92
  ORDER BY q.month DESC LIMIT 1
) p ON true
WHERE a.unit_id = ANY ($1) AND a.valid_during @> $2
  AND (u.kind NOT IN ('grid_group', 'village_party_org') OR a.role NOT IN ('party_member', 'villager_representative') OR d.from_at <> '{}')
ORDER BY a.unit_id, a.role, a.responder_id
