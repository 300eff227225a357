-- Why: a party organisation is known by what it is, its name and its region; the one above it may be in the same file.
UPDATE incoming i SET reason = format('%s应属于%s,“%s”是%s', k.name, k.level_name, r.name,
    CASE r.level WHEN 'county' THEN '县' WHEN 'township' THEN '乡镇' ELSE '村' END)
FROM region r, (VALUES ('county_committee', '县委', 'county', '县'), ('township_committee', '乡镇党委', 'township', '乡镇(写乡镇,不写村)'),
  ('village_party_org', '村党组织', 'village', '村'), ('grid_group', '网格党小组', 'village', '村')) k (kind, name, level, level_name)
WHERE i.reason IS NULL AND r.id = i.region_id AND k.kind = i.f->>'kind' AND r.level::text <> k.level;
UPDATE incoming i SET reason = format('“%s”在文件中出现 %s 次', i.f->>'name', d.n)
FROM (SELECT region_id, f->>'kind' AS kind, f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1, 2, 3 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND i.region_id = d.region_id AND i.f->>'kind' = d.kind AND i.f->>'name' = d.name;
UPDATE incoming i SET target_id = o.id FROM party_org o
WHERE i.reason IS NULL AND o.region_id = i.region_id AND o.kind::text = i.f->>'kind' AND o.name = i.f->>'name';
UPDATE incoming i SET reason = '一个县只有一个县委' WHERE i.reason IS NULL AND i.target_id IS NULL AND i.f->>'kind' = 'county_committee'
  AND (EXISTS (SELECT FROM party_org o JOIN setting s ON s.county_id = o.county_id WHERE o.kind = 'county_committee')
    OR EXISTS (SELECT FROM incoming o WHERE o.row_no < i.row_no AND o.f->>'kind' = 'county_committee'));
UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE reason IS NULL AND target_id IS NULL;
-- By its name where that is said, else the committee of the region above.
WITH known AS (
  SELECT o.id, o.kind::text AS kind, o.name, o.region_id FROM party_org o JOIN setting s ON s.county_id = o.county_id
  UNION SELECT target_id, f->>'kind', f->>'name', region_id FROM incoming WHERE reason IS NULL
), named AS (
  SELECT i.row_no, min(k.id) AS id, count(*) AS n FROM incoming i JOIN known k ON k.name = i.f->>'parent' AND k.id <> i.target_id GROUP BY 1
), above AS (
  SELECT i.row_no, min(k.id) AS id FROM incoming i JOIN region r ON r.id = i.region_id
  JOIN known k ON k.kind = CASE i.f->>'kind' WHEN 'grid_group' THEN 'village_party_org' WHEN 'village_party_org' THEN 'township_committee'
      ELSE 'county_committee' END
    AND k.region_id = CASE i.f->>'kind' WHEN 'grid_group' THEN r.id WHEN 'village_party_org' THEN r.parent_id ELSE r.county_id END
  WHERE i.f->>'kind' <> 'county_committee' GROUP BY 1 HAVING count(*) = 1
)
UPDATE incoming i SET group_id = CASE WHEN coalesce(i.f->>'parent', '') = '' THEN above.id WHEN named.n = 1 THEN named.id END
FROM incoming x LEFT JOIN named USING (row_no) LEFT JOIN above USING (row_no)
WHERE x.row_no = i.row_no AND i.f->>'kind' <> 'county_committee';
UPDATE incoming i SET reason = CASE WHEN coalesce(f->>'parent', '') = '' THEN '没有它的上级党组织;请先导入上级,或把上级写在同一文件里'
    ELSE format('上级党组织“%s”不存在或有重名', f->>'parent') END
WHERE reason IS NULL AND group_id IS NULL AND f->>'kind' <> 'county_committee';
-- The grids it answers for.
CREATE TEMP TABLE incoming_grid ON COMMIT DROP AS
  SELECT i.row_no, i.target_id AS org_id, c.code, a.feature_id AS grid_id, i.region_id
  FROM incoming i CROSS JOIN setting s CROSS JOIN LATERAL regexp_split_to_table(i.f->>'grids', '[、,,;;\s]+') c (code)
  LEFT JOIN code_alias a ON a.county_id = s.county_id AND a.scheme = 'grid' AND a.code = c.code
  WHERE c.code <> '' AND i.reason IS NULL;
UPDATE incoming i SET reason = format('网格编码“%s”不存在', g.code) FROM incoming_grid g WHERE i.reason IS NULL AND g.row_no = i.row_no AND g.grid_id IS NULL;
UPDATE incoming i SET reason = format('网格“%s”不在这个村', g.code) FROM incoming_grid g JOIN grid t ON t.id = g.grid_id
WHERE i.reason IS NULL AND g.row_no = i.row_no AND t.village_id <> i.region_id;
UPDATE incoming i SET reason = '只有网格党小组负责网格' FROM incoming_grid g WHERE i.reason IS NULL AND g.row_no = i.row_no AND i.f->>'kind' <> 'grid_group';
UPDATE incoming i SET reason = format('网格“%s”已由“%s”负责', g.code, o.name)
FROM incoming_grid g CROSS JOIN setting s JOIN grid_responsibility r ON r.grid_id = g.grid_id AND r.valid_during && daterange(s.today, NULL)
JOIN party_org o ON o.id = r.org_id
WHERE i.reason IS NULL AND g.row_no = i.row_no AND r.org_id <> g.org_id;
UPDATE incoming i SET reason = format('网格“%s”在文件中有 %s 个党小组负责', d.code, d.n)
FROM incoming_grid g JOIN (SELECT code, count(*) AS n FROM incoming_grid GROUP BY 1 HAVING count(*) > 1) d USING (code)
WHERE i.reason IS NULL AND g.row_no = i.row_no;
