-- Grids in force on the day $2 whose box meets the box $3–$6 (west, south, east, north) of county $1.
SELECT gv.grid_id AS id, gv.id AS version_id, coalesce(code_today(gv.grid_id, 'grid', $2), '') AS code, gv.name,
       g.kind = 'dedicated' AS dedicated, ST_AsEWKB(gv.geom) AS geom
FROM grid_version gv JOIN grid g ON g.id = gv.grid_id
WHERE gv.county_id = $1 AND gv.geom && ST_MakeEnvelope($3, $4, $5, $6, 4490)
  AND gv.valid_during @> $2 AND upper_inf(gv.recorded_during)
ORDER BY gv.grid_id
