-- $2 cells around the place, $3 received since, $4 open or closed since, $5 category, $6 but not this one, $7 to $10 the
-- box the cells were taken from.
WHERE i.county_id = $1 AND NOT i.restricted AND i.cell = ANY ($2) AND i.received_at >= $3
  AND (i.closed_at IS NULL OR i.closed_at >= $4) AND i.state <> 'cancelled' AND i.id <> $6
  AND i.category_id = ANY (ARRAY(SELECT k.id FROM category k WHERE coalesce(k.parent_id, k.id) = (SELECT coalesce(parent_id, id) FROM category WHERE id = $5)))
  AND ST_X(i.geom) BETWEEN $7 AND $9 AND ST_Y(i.geom) BETWEEN $8 AND $10
ORDER BY i.received_at DESC LIMIT 500
