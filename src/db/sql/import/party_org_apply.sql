INSERT INTO party_org (id, county_id, parent_id, kind, form, name, region_id)
SELECT i.target_id, s.county_id, i.group_id, (i.f->>'kind')::party_org_kind,
       coalesce(nullif(i.f->>'form', ''), CASE i.f->>'kind' WHEN 'grid_group' THEN 'group' WHEN 'village_party_org' THEN 'branch' ELSE 'committee' END)::party_org_form,
       i.f->>'name', i.region_id
FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE party_org o SET parent_id = i.group_id, form = coalesce(nullif(i.f->>'form', '')::party_org_form, o.form)
  FROM incoming i WHERE o.id = i.target_id AND i.outcome IS NULL
    AND (o.parent_id, o.form) IS DISTINCT FROM (i.group_id, coalesce(nullif(i.f->>'form', '')::party_org_form, o.form))
  RETURNING o.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
WITH made AS (
  INSERT INTO grid_responsibility (county_id, grid_id, org_id, valid_during)
  SELECT s.county_id, g.grid_id, g.org_id, daterange(s.today, NULL) FROM incoming_grid g CROSS JOIN setting s JOIN incoming i USING (row_no)
  WHERE NOT EXISTS (SELECT FROM grid_responsibility r WHERE r.grid_id = g.grid_id AND r.valid_during && daterange(s.today, NULL))
  RETURNING org_id
)
UPDATE incoming i SET outcome = 'updated' FROM made WHERE made.org_id = i.target_id AND i.outcome IS NULL;
-- Whoever leads has a unit that handles; from the last resort down, each under the one above.
INSERT INTO handling_unit (county_id, parent_id, kind, name, region_id, lead_org_id)
SELECT s.county_id, NULL, 'county_duty_officer', r.name || '值班室', r.id, i.target_id
FROM incoming i CROSS JOIN setting s JOIN region r ON r.id = i.region_id WHERE i.outcome = 'inserted' AND i.f->>'kind' = 'county_committee';
INSERT INTO handling_unit (county_id, parent_id, kind, name, region_id, lead_org_id)
SELECT s.county_id, u.id, 'county_centre', r.name || '综治中心', r.id, i.target_id
FROM incoming i CROSS JOIN setting s JOIN region r ON r.id = i.region_id
JOIN handling_unit u ON u.county_id = s.county_id AND u.kind = 'county_duty_officer' WHERE i.outcome = 'inserted' AND i.f->>'kind' = 'county_committee';
INSERT INTO handling_unit (county_id, parent_id, kind, name, region_id, lead_org_id)
SELECT s.county_id, u.id, 'township_centre', r.name || '综治中心', r.id, i.target_id
FROM incoming i CROSS JOIN setting s JOIN region r ON r.id = i.region_id
JOIN handling_unit u ON u.county_id = s.county_id AND u.kind = 'county_centre' WHERE i.outcome = 'inserted' AND i.f->>'kind' = 'township_committee';
INSERT INTO handling_unit (county_id, parent_id, kind, name, region_id, lead_org_id)
SELECT s.county_id, u.id, 'village_party_org', i.f->>'name', r.id, i.target_id
FROM incoming i CROSS JOIN setting s JOIN region r ON r.id = i.region_id
JOIN LATERAL (SELECT min(id) AS id FROM handling_unit WHERE kind = 'township_centre' AND region_id = r.parent_id) u ON u.id IS NOT NULL
WHERE i.outcome = 'inserted' AND i.f->>'kind' = 'village_party_org';
INSERT INTO handling_unit (county_id, parent_id, kind, name, region_id, lead_org_id)
SELECT s.county_id, u.id, 'grid_group', i.f->>'name', i.region_id, i.target_id
FROM incoming i CROSS JOIN setting s
JOIN LATERAL (SELECT min(id) AS id FROM handling_unit WHERE kind = 'village_party_org' AND region_id = i.region_id) u ON u.id IS NOT NULL
WHERE i.outcome = 'inserted' AND i.f->>'kind' = 'grid_group';
INSERT INTO import_note
SELECT format('有 %s 个网格还没有责任党小组,可用 yitu check 查看。', count(*)) FROM setting s JOIN grid g ON g.county_id = s.county_id AND g.kind = 'general'
WHERE EXISTS (SELECT FROM grid_version v WHERE v.grid_id = g.id AND v.valid_during @> s.today AND upper_inf(v.recorded_during))
  AND NOT EXISTS (SELECT FROM grid_responsibility r WHERE r.grid_id = g.id AND r.valid_during @> s.today) HAVING count(*) > 0;
