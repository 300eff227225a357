-- Why: no two general grids in force may share more than 0.01 m².
SELECT format('综合网格“%s”与“%s”重叠 %s 平方米', a.name, b.name, round(p.square_metres::numeric, 2)) AS sentence,
       ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM grid_version a JOIN grid ga ON ga.id = a.grid_id AND ga.kind = 'general' AND ga.county_id = $1
JOIN grid_version b ON b.geom && a.geom AND b.grid_id > a.grid_id AND b.valid_during @> $2 AND upper_inf(b.recorded_during)
JOIN grid gb ON gb.id = b.grid_id AND gb.kind = 'general'
CROSS JOIN LATERAL (SELECT overlap_m2(a.geom, b.geom) AS square_metres OFFSET 0) s
CROSS JOIN LATERAL (SELECT s.square_metres, ST_PointOnSurface(ST_Intersection(a.geom, b.geom)) AS at) p
WHERE a.valid_during @> $2 AND upper_inf(a.recorded_during) AND ST_Relate(a.geom, b.geom, '2********') AND s.square_metres > 0.01
ORDER BY s.square_metres DESC
