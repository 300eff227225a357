-- Why: each general grid has one responsible party group.
SELECT format('综合网格“%s”(%s)没有责任党小组', v.name, r.name) AS sentence,
       ST_X(ST_PointOnSurface(v.geom)) AS lon, ST_Y(ST_PointOnSurface(v.geom)) AS lat
FROM grid g JOIN grid_version v ON v.grid_id = g.id AND v.valid_during @> $2 AND upper_inf(v.recorded_during)
JOIN region r ON r.id = g.village_id
WHERE g.county_id = $1 AND g.kind = 'general'
  AND NOT EXISTS (SELECT FROM grid_responsibility b WHERE b.grid_id = g.id AND b.valid_during @> $2)
ORDER BY r.name, v.name
