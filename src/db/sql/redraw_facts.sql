-- What a drawn set looks like on the ground of its village. $1 the outlines as EWKB in order, $2 the village,
-- $3 the effective day. Rows: what, the outlines concerned (1-based), an area in m² and a place in degrees.
WITH drawn AS (
  SELECT n, ST_Multi(ST_GeomFromEWKB(e)) AS geom FROM unnest($1::bytea[]) WITH ORDINALITY t(e, n)
), sound AS (
  SELECT n, geom FROM drawn WHERE ST_IsValid(geom)
), village AS (
  SELECT id, geom FROM region WHERE id = $2 AND geom IS NOT NULL
), facts AS (
  SELECT 'invalid' AS what, n, NULL::bigint AS m, NULL::float8 AS area_m2, (why).location AS place, (why).reason::text AS said
  FROM (SELECT n, ST_IsValidDetail(geom) AS why FROM drawn) checked WHERE NOT (why).valid
  UNION ALL
  SELECT 'overlap', a.n, b.n, x.shared, ST_PointOnSurface(ST_CollectionExtract(ST_Intersection(a.geom, b.geom), 3)), ''
  FROM sound a JOIN sound b ON a.n < b.n AND a.geom && b.geom AND ST_Relate(a.geom, b.geom, '2********')
  CROSS JOIN LATERAL (SELECT overlap_m2(a.geom, b.geom) AS shared OFFSET 0) x
  WHERE x.shared > 0.01
  UNION ALL
  -- General grids of other villages in force from that day on.
  SELECT 'overlap_other', a.n, gv.grid_id, x.shared, ST_PointOnSurface(ST_CollectionExtract(ST_Intersection(a.geom, gv.geom), 3)), gv.name
  FROM sound a
  JOIN grid_version gv ON gv.geom && a.geom AND upper_inf(gv.recorded_during) AND gv.valid_during && daterange($3, NULL)
  JOIN grid g ON g.id = gv.grid_id AND g.kind = 'general' AND g.village_id <> $2
  CROSS JOIN LATERAL (SELECT overlap_m2(a.geom, gv.geom) AS shared OFFSET 0) x
  WHERE ST_Relate(a.geom, gv.geom, '2********') AND x.shared > 0.01
  UNION ALL
  SELECT 'elsewhere', a.n, NULL, ST_Area(a.geom::geography), ST_PointOnSurface(a.geom), ''
  FROM sound a, village v WHERE NOT ST_Relate(a.geom, v.geom, '2********')
  UNION ALL
  SELECT 'gap', NULL, NULL, ST_Area(d.geom::geography), ST_PointOnSurface(d.geom), ''
  FROM village v, (SELECT ST_Union(geom) AS geom FROM sound) u, ST_Dump(ST_CollectionExtract(ST_Difference(v.geom, u.geom), 3)) d
  WHERE is_wider_than(d.geom, 2)
  UNION ALL
  SELECT 'outside', a.n, NULL, ST_Area(x::geography), ST_PointOnSurface(x), ''
  FROM sound a, village v, ST_CollectionExtract(ST_Difference(a.geom, v.geom), 3) x
  WHERE ST_Area(x::geography) > 2 AND ST_Relate(a.geom, v.geom, '2********')
  UNION ALL
  SELECT 'parts', n, ST_NumGeometries(geom), ST_Area(geom::geography), ST_PointOnSurface(geom), ''
  FROM sound WHERE ST_NumGeometries(geom) > 1
)
SELECT what, n, m, area_m2, ST_X(place) AS lon, ST_Y(place) AS lat, said FROM facts ORDER BY what, n, m, area_m2 DESC LIMIT 200
