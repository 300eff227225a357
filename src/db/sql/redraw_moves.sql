-- What a redraw of the village $2 in county $1 would do to its households: the outline of $3 (from 1) that covers
-- the door, 0 where none does, with the grid they are in now and who says so.
WITH drawn AS (
  SELECT n, ST_GeomFromEWKB(e) AS geom FROM unnest($3::bytea[]) WITH ORDINALITY t(e, n)
), sound AS MATERIALIZED (
  SELECT n, geom FROM drawn WHERE ST_IsValid(geom)
), placed AS (
  SELECT h.grid_id, coalesce((SELECT min(s.n) FROM sound s WHERE ST_Covers(s.geom, h.geom)), 0) AS n,
         h.grid_source = 'register' AS by_register, h.geom IS NOT NULL AS has_door
  FROM household h WHERE h.county_id = $1 AND h.village_id = $2
)
SELECT grid_id, n, by_register, has_door, count(*) AS households
FROM placed GROUP BY grid_id, n, by_register, has_door ORDER BY grid_id, n, by_register, has_door
