
-- Why: households are known by their number alone.
UPDATE incoming i SET reason = format('户号“%s”在文件中出现 %s 次', d.number, d.n)
FROM (SELECT f->>'number' AS number, count(*) AS n FROM incoming GROUP BY 1 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND i.f->>'number' = d.number;
UPDATE incoming i SET target_id = h.id FROM setting s, household h WHERE h.county_id = s.county_id AND h.number = i.f->>'number';
UPDATE incoming i SET register_grid_id = g.id FROM setting s, code_alias a, grid g
WHERE a.county_id = s.county_id AND a.scheme = 'grid' AND a.code = i.f->>'grid_code' AND g.id = a.feature_id AND g.kind = 'general';
UPDATE incoming SET reason = format('网格编码“%s”不存在', f->>'grid_code') WHERE reason IS NULL AND f->>'grid_code' <> '' AND register_grid_id IS NULL;
UPDATE incoming i SET grid_id = m.grid_id FROM (
  SELECT p.row_no, min(v.grid_id) AS grid_id
  FROM setting s JOIN grid g ON g.county_id = s.county_id AND g.kind = 'general'
  JOIN grid_version v ON v.grid_id = g.id AND v.valid_during @> s.today AND upper_inf(v.recorded_during)
  CROSS JOIN LATERAL (SELECT row_no FROM incoming_place WHERE ST_Covers(v.geom, at) OFFSET 0) p
  GROUP BY p.row_no) m
WHERE m.row_no = i.row_no;
UPDATE incoming i SET settlement_id = m.id FROM (
  SELECT village_id, name, min(id) AS id FROM settlement GROUP BY 1, 2 HAVING count(*) = 1) m
WHERE m.village_id = i.region_id AND m.name = i.f->>'settlement';
UPDATE incoming SET reason = format('自然村“%s”在该村不存在或有重名;请先导入 settlement', f->>'settlement')
WHERE reason IS NULL AND f->>'settlement' <> '' AND settlement_id IS NULL;
