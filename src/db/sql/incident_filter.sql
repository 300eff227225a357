-- What a list is cut to; a NULL parameter cuts nothing. Restricted matters are on no list. The states are read once, in a
-- subquery, not for each row.
WHERE i.county_id = $1 AND NOT i.restricted
  AND ($2::text[] IS NULL OR i.state = ANY ((SELECT $2::text[]::incident_state[])::incident_state[]))
  AND ($3::bigint IS NULL OR $3 = i.county_id OR i.village_id IN (SELECT s.id FROM region s WHERE s.id = $3 OR s.parent_id = $3))
  AND ($4::text IS NULL OR i.category_id IN (
        SELECT k.id FROM category k LEFT JOIN category p ON p.id = k.parent_id WHERE k.code = $4 OR p.code = $4))
  AND ($5::timestamptz IS NULL OR i.reported_at >= $5)
  AND ($6::timestamptz IS NULL OR i.reported_at < $6)
  AND ($7::boolean IS NULL OR coalesce(i.next_deadline_at < $8 OR i.next_deadline_at IS NOT NULL AND i.overdue_since IS NOT NULL, false) = $7)
  AND ($9::float8[] IS NULL OR i.geom && ST_MakeEnvelope(($9)[1], ($9)[2], ($9)[3], ($9)[4], 4490))
  AND ($10::bigint IS NULL OR i.grid_id = $10)
