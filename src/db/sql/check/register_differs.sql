-- Why: 插花户: the register says one grid, the place another. Listed, never overwritten.
SELECT format('户“%s”登记在网格“%s”,门点在“%s”', h.number, coalesce(b.name, '已撤销的网格'), coalesce(a.name, '已撤销的网格')) AS sentence,
       ST_X(coalesce(h.geom, ST_PointOnSurface(a.geom))) AS lon, ST_Y(coalesce(h.geom, ST_PointOnSurface(a.geom))) AS lat
FROM household h
LEFT JOIN grid_version a ON a.grid_id = h.grid_id AND a.valid_during @> $2 AND upper_inf(a.recorded_during)
LEFT JOIN grid_version b ON b.grid_id = h.register_grid_id AND b.valid_during @> $2 AND upper_inf(b.recorded_during)
WHERE h.county_id = $1 AND h.register_grid_id <> h.grid_id
ORDER BY h.number
