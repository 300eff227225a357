-- Why: a group nobody of which is in the village, by the last month each confirmed, cannot answer for its grid.
WITH last_presence AS (
  SELECT DISTINCT ON (responder_id) responder_id, in_village FROM presence WHERE county_id = $1 AND month <= $2 ORDER BY responder_id, month DESC
), present AS (
  SELECT DISTINCT u.lead_org_id FROM handling_unit u
  JOIN appointment a ON a.unit_id = u.id AND a.valid_during @> $2
  JOIN last_presence p ON p.responder_id = a.responder_id AND p.in_village
  WHERE u.county_id = $1 AND u.kind = 'grid_group'
)
SELECT DISTINCT ON (r.name, o.name, o.id) format('网格党小组“%s”(%s)没有在村的人', o.name, r.name) AS sentence,
       ST_X(ST_PointOnSurface(v.geom)) AS lon, ST_Y(ST_PointOnSurface(v.geom)) AS lat
FROM party_org o JOIN region r ON r.id = o.region_id
JOIN grid_responsibility b ON b.org_id = o.id AND b.valid_during @> $2
JOIN grid_version v ON v.grid_id = b.grid_id AND v.valid_during @> $2 AND upper_inf(v.recorded_during)
WHERE o.county_id = $1 AND o.kind = 'grid_group' AND NOT EXISTS (SELECT FROM present p WHERE p.lead_org_id = o.id)
ORDER BY r.name, o.name, o.id
