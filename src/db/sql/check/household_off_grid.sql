-- Why: a household placed by its door point lies in the grid it is counted in.
SELECT format('户“%s”的门点不在所属网格“%s”内', h.number, v.name) AS sentence, ST_X(h.geom) AS lon, ST_Y(h.geom) AS lat
FROM household h JOIN grid_version v ON v.grid_id = h.grid_id AND v.valid_during @> $2 AND upper_inf(v.recorded_during)
WHERE h.county_id = $1 AND h.grid_source = 'point' AND h.geom IS NOT NULL AND NOT ST_Intersects(v.geom, h.geom)
ORDER BY h.number
