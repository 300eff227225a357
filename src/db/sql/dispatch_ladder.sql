-- The units asked for a matter, lowest first. $1 county, $2 grid or NULL, $3 village or NULL, $4 the county's
-- day, $5 a unit named by the rule or NULL.
WITH own AS (
  SELECT u.id FROM grid_responsibility gr
  JOIN handling_unit u ON u.kind = 'grid_group' AND u.lead_org_id = gr.org_id
  WHERE gr.grid_id = $2 AND gr.valid_during @> $4
  ORDER BY u.id LIMIT 1
), near AS (
  -- Groups of the same village, those of the nearest grids first.
  SELECT u.id, min(ST_Distance(theirs.geom, mine.geom)) AS apart
  FROM grid_version mine
  JOIN grid g ON g.id = mine.grid_id
  JOIN grid other ON other.village_id = g.village_id AND other.id <> g.id AND other.kind = 'general'
  JOIN grid_version theirs ON theirs.grid_id = other.id AND theirs.valid_during @> $4 AND upper_inf(theirs.recorded_during)
  JOIN grid_responsibility gr ON gr.grid_id = other.id AND gr.valid_during @> $4
  JOIN handling_unit u ON u.kind = 'grid_group' AND u.lead_org_id = gr.org_id
  WHERE mine.grid_id = $2 AND mine.valid_during @> $4 AND upper_inf(mine.recorded_during)
    AND u.id NOT IN (SELECT id FROM own)
  GROUP BY u.id ORDER BY apart, u.id LIMIT 3
), rungs AS (
  SELECT 0 AS rung, 0::float8 AS apart, id, false AS neighbour FROM own
  UNION ALL SELECT 1, apart, id, true FROM near
  UNION ALL SELECT 2, 0, id, false FROM handling_unit WHERE county_id = $1 AND kind = 'village_party_org' AND region_id = $3
  UNION ALL SELECT 3, 0, u.id, false FROM handling_unit u JOIN region v ON v.id = $3
            WHERE u.county_id = $1 AND u.kind = 'township_centre' AND u.region_id = v.parent_id
  UNION ALL SELECT 4, 0, id, false FROM handling_unit WHERE county_id = $1 AND kind = 'department' AND id = $5
  UNION ALL SELECT 5, 0, id, false FROM handling_unit WHERE county_id = $1 AND kind = 'county_centre'
  UNION ALL SELECT 6, 0, id, false FROM handling_unit WHERE county_id = $1 AND kind = 'county_duty_officer'
)
SELECT u.id, u.kind::text AS kind, u.name, o.id AS org_id, o.name AS org_name, k.neighbour
FROM rungs k JOIN handling_unit u ON u.id = k.id JOIN party_org o ON o.id = u.lead_org_id
ORDER BY k.rung, k.apart, k.id
