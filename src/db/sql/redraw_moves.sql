-- Which households of the village $2 in county $1 would change their grid: by the outline (1-based) that
-- covers the door, 0 where none does, with the grid they are in now.
WITH drawn AS (
  SELECT n, ST_GeomFromEWKB(e) AS geom FROM unnest($3::bytea[]) WITH ORDINALITY t(e, n)
), placed AS (
  SELECT h.grid_id, coalesce((SELECT min(d.n) FROM drawn d WHERE ST_IsValid(d.geom) AND ST_Covers(d.geom, h.geom)), 0) AS n
  FROM household h WHERE h.county_id = $1 AND h.village_id = $2 AND h.geom IS NOT NULL
)
SELECT grid_id, n, count(*) AS households FROM placed GROUP BY grid_id, n ORDER BY grid_id, n
