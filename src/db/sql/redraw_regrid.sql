-- Households of the village $2 in county $1 follow the grids in force on the day $3: by their door; those
-- without one, and those outside every grid, follow the heir of their grid where that is gone.
WITH current AS (
  SELECT gv.grid_id, gv.geom FROM grid g
  JOIN grid_version gv ON gv.grid_id = g.id AND gv.valid_during @> $3 AND upper_inf(gv.recorded_during)
  WHERE g.village_id = $2 AND g.kind = 'general'
), wanted AS (
  SELECT h.id,
         (SELECT min(c.grid_id) FROM current c WHERE ST_Covers(c.geom, h.geom)) AS by_door,
         (SELECT min(l.to_grid_id) FROM grid_lineage l JOIN current c ON c.grid_id = l.to_grid_id WHERE l.from_grid_id = h.grid_id) AS heir,
         EXISTS (SELECT FROM current c WHERE c.grid_id = h.grid_id) AS stands, h.grid_source, h.grid_id
  FROM household h WHERE h.county_id = $1 AND h.village_id = $2
)
UPDATE household h SET grid_id = w.goes, grid_source = CASE WHEN w.by_door IS NOT NULL THEN 'point' ELSE h.grid_source END
FROM (
  -- Where the register says it and its grid stands, the register is kept: such households are listed, not moved.
  SELECT id, by_door, CASE WHEN stands AND (grid_source = 'register' OR by_door IS NULL) THEN grid_id
                           ELSE coalesce(by_door, heir) END AS goes
  FROM wanted
) w
WHERE h.county_id = $1 AND h.id = w.id AND h.grid_id IS DISTINCT FROM w.goes
