-- How much of each grid in force goes into each drawn outline. $1 outlines as EWKB, $2 the village, $3 the day.
WITH drawn AS (
  SELECT n, ST_Multi(ST_GeomFromEWKB(e)) AS geom FROM unnest($1::bytea[]) WITH ORDINALITY t(e, n)
)
SELECT g.id AS grid_id, d.n, ST_Area(x::geography) AS area_m2
FROM grid g
JOIN grid_version gv ON gv.grid_id = g.id AND gv.valid_during @> $3 AND upper_inf(gv.recorded_during)
JOIN drawn d ON ST_IsValid(d.geom) AND d.geom && gv.geom
CROSS JOIN LATERAL ST_CollectionExtract(ST_Intersection(gv.geom, d.geom), 3) x
WHERE g.village_id = $2 AND g.kind = 'general' AND ST_Area(x::geography) > 2
ORDER BY g.id, area_m2 DESC, d.n
