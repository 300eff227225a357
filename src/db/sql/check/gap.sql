-- Why: what of a village no general grid covers, where a circle of 2 m across fits in.
WITH covered AS (
  SELECT g.village_id, ST_Union(v.geom) AS geom FROM grid g
  JOIN grid_version v ON v.grid_id = g.id AND v.valid_during @> $2 AND upper_inf(v.recorded_during)
  WHERE g.county_id = $1 AND g.kind = 'general' GROUP BY g.village_id
), gap AS (
  SELECT r.name, d.geom FROM covered c JOIN region r ON r.id = c.village_id
  CROSS JOIN LATERAL ST_Dump(ST_CollectionExtract(ST_Difference(r.geom, c.geom), 3)) d
)
SELECT format('村“%s”有 %s 平方米不在任何综合网格内', gap.name, round(ST_Area(gap.geom::geography)::numeric, 1)) AS sentence,
       ST_X(at.center) AS lon, ST_Y(at.center) AS lat
FROM gap CROSS JOIN LATERAL ST_MaximumInscribedCircle(gap.geom) at
WHERE is_wider_than(gap.geom, 2)
ORDER BY ST_Area(gap.geom::geography) DESC
