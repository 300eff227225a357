-- Why: every household is in one general grid in force, or listed here.
SELECT format('户“%s”(%s)不在任何综合网格内%s', h.number, r.name, CASE WHEN h.geom IS NULL THEN ',待落图' ELSE '' END) AS sentence,
       ST_X(coalesce(h.geom, ST_PointOnSurface(r.geom))) AS lon, ST_Y(coalesce(h.geom, ST_PointOnSurface(r.geom))) AS lat
FROM household h JOIN region r ON r.id = h.village_id
LEFT JOIN grid g ON g.id = h.grid_id AND g.kind = 'general'
LEFT JOIN grid_version v ON v.grid_id = g.id AND v.valid_during @> $2 AND upper_inf(v.recorded_during)
WHERE h.county_id = $1 AND v.id IS NULL
ORDER BY h.number
