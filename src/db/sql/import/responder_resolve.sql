-- Why: a person is known by name with a phone, or by name in a region; one row is one post, so a person may have several.
UPDATE incoming i SET grid_id = g.id FROM setting s, code_alias a, grid g
WHERE a.county_id = s.county_id AND a.scheme = 'grid' AND a.code = i.f->>'grid_code' AND g.id = a.feature_id;
UPDATE incoming SET reason = format('网格编码“%s”不存在', f->>'grid_code') WHERE reason IS NULL AND f->>'grid_code' <> '' AND grid_id IS NULL;
UPDATE incoming i SET reason = format('网格“%s”不在“%s”', i.f->>'grid_code', r.name) FROM grid g, region r, setting s
WHERE i.reason IS NULL AND g.id = i.grid_id AND r.id = i.region_id AND r.level <> 'county'
  AND i.region_id NOT IN (SELECT v.id FROM region v WHERE v.id = g.village_id UNION ALL SELECT v.parent_id FROM region v WHERE v.id = g.village_id);
UPDATE incoming i SET region_id = g.village_id FROM grid g WHERE g.id = i.grid_id;
-- The unit they act in: as said, else their grid's group, else the region's own.
UPDATE incoming i SET group_id = m.id FROM (
  SELECT i.row_no, min(u.id) AS id FROM incoming i CROSS JOIN setting s JOIN region r ON r.id = i.region_id
  JOIN handling_unit u ON u.county_id = s.county_id AND u.name = i.f->>'unit' AND u.region_id IN (r.id, r.parent_id, r.county_id)
  GROUP BY 1 HAVING count(*) = 1) m
WHERE m.row_no = i.row_no;
UPDATE incoming SET reason = format('责任单位“%s”在该辖区不存在或有重名', f->>'unit') WHERE reason IS NULL AND f->>'unit' <> '' AND group_id IS NULL;
UPDATE incoming i SET group_id = u.id FROM setting s, grid_responsibility g, handling_unit u
WHERE i.group_id IS NULL AND g.grid_id = i.grid_id AND g.valid_during @> s.today AND u.lead_org_id = g.org_id AND u.kind = 'grid_group';
UPDATE incoming i SET group_id = u.id FROM region r, handling_unit u
WHERE i.group_id IS NULL AND i.grid_id IS NULL AND r.id = i.region_id AND u.region_id = r.id AND u.kind::text = CASE
  WHEN i.f->>'role' = 'duty_officer' THEN 'county_duty_officer' WHEN r.level = 'village' THEN 'village_party_org'
  WHEN r.level = 'township' THEN 'township_centre' ELSE 'county_centre' END;
UPDATE incoming SET reason = CASE WHEN grid_id IS NOT NULL THEN format('网格“%s”还没有责任党小组;请先用 yitu import party_org 导入', f->>'grid_code')
    ELSE '该辖区还没有责任单位;请先用 yitu import party_org 导入党组织' END
WHERE reason IS NULL AND group_id IS NULL;
CREATE TEMP TABLE person ON COMMIT DROP AS
  SELECT i.row_no, i.f->>'name' AS name, i.region_id,
         array(SELECT decode(p->>'n', 'hex') FROM jsonb_array_elements(coalesce(i.f->'phones', '[]')) p) AS numbers
  FROM incoming i WHERE i.reason IS NULL;
CREATE TEMP TABLE known_person ON COMMIT DROP AS
  SELECT p.row_no, r.id FROM person p CROSS JOIN setting s JOIN responder r ON r.county_id = s.county_id AND r.name = p.name
  CROSS JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE number_hash = ANY (p.numbers)) AS same FROM phone WHERE responder_id = r.id) t
  WHERE t.same > 0 OR (t.n = 0 OR p.numbers = '{}')
    AND EXISTS (SELECT FROM appointment a WHERE a.responder_id = r.id AND a.region_id = p.region_id AND a.valid_during @> s.today);
UPDATE incoming i SET reason = format('有 %s 位“%s”,分不清是哪一位;请写上电话', d.n, i.f->>'name')
FROM (SELECT row_no, count(*) AS n FROM known_person GROUP BY 1 HAVING count(*) > 1) d WHERE i.reason IS NULL AND d.row_no = i.row_no;
UPDATE incoming i SET target_id = k.id FROM known_person k WHERE i.reason IS NULL AND k.row_no = i.row_no;
UPDATE incoming i SET reason = '与前面一行完全相同' WHERE i.reason IS NULL AND EXISTS (
  SELECT FROM incoming o WHERE o.row_no < i.row_no AND (o.f - 'phones', o.region_id, o.group_id) = (i.f - 'phones', i.region_id, i.group_id)
    AND (SELECT numbers FROM person WHERE row_no = o.row_no) = (SELECT numbers FROM person WHERE row_no = i.row_no));
