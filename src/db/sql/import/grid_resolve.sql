-- Why: an import draws a village's first general grids; from then on its grids change by redraw alone, so a row of a
-- village that has grids is one of them as it stands, or refused.
CREATE INDEX ON incoming USING gist (geom);
ANALYZE incoming;
CREATE TEMP TABLE standing ON COMMIT DROP AS
  SELECT g.id, g.village_id, v.name, v.geom, code_today(g.id, 'grid', s.today) AS code
  FROM setting s JOIN grid g ON g.county_id = s.county_id AND g.kind = 'general'
  JOIN grid_version v ON v.grid_id = g.id AND upper_inf(v.recorded_during) AND v.valid_during && daterange(s.today, NULL);
CREATE INDEX ON standing USING gist (geom);
ANALYZE standing;
UPDATE incoming i SET target_id = t.id FROM standing t
WHERE i.reason IS NULL AND t.village_id = i.region_id AND t.name = i.f->>'name'
  AND (coalesce(i.f->>'code', '') IN ('', t.code)) AND ST_Equals(t.geom, i.geom);
UPDATE incoming i SET reason = format('村“%s”已有综合网格,图形、名称、编码的改动请走“重划”(工作台的重划,或 POST /api/grids/redraws)', r.name)
FROM region r WHERE i.reason IS NULL AND i.target_id IS NULL AND r.id = i.region_id AND EXISTS (SELECT FROM standing t WHERE t.village_id = i.region_id);
UPDATE incoming i SET reason = format('网格“%s”不在村“%s”的范围内', i.f->>'name', r.name)
FROM region r WHERE i.reason IS NULL AND r.id = i.region_id AND r.geom IS NOT NULL AND NOT ST_Relate(i.geom, r.geom, '2********');
UPDATE incoming i SET reason = format('村“%s”有 %s 个网格都叫“%s”', r.name, d.n, i.f->>'name')
FROM (SELECT region_id, f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1, 2 HAVING count(*) > 1) d JOIN region r ON r.id = d.region_id
WHERE i.reason IS NULL AND i.region_id = d.region_id AND i.f->>'name' = d.name;
UPDATE incoming i SET reason = format('网格编码“%s”在文件中出现 %s 次', d.code, d.n)
FROM (SELECT f->>'code' AS code, count(*) AS n FROM incoming WHERE f->>'code' <> '' GROUP BY 1 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND i.f->>'code' = d.code;
UPDATE incoming i SET reason = format('网格编码“%s”已用过,编码不重复使用', a.code) FROM setting s, code_alias a
WHERE i.reason IS NULL AND i.target_id IS NULL AND a.county_id = s.county_id AND a.scheme = 'grid' AND a.code = i.f->>'code';
UPDATE incoming i SET reason = format('与第 %s 条“%s”重叠 %s 平方米', o.row_no + 1, o.name, round(o.m2::numeric, 2))
FROM (SELECT DISTINCT ON (a.row_no) a.row_no AS this, b.row_no, b.f->>'name' AS name, overlap_m2(a.geom, b.geom) AS m2
      FROM incoming a JOIN incoming b ON a.row_no <> b.row_no AND a.geom && b.geom AND ST_Relate(a.geom, b.geom, '2********')
      WHERE overlap_m2(a.geom, b.geom) > 0.01 ORDER BY a.row_no, m2 DESC) o
WHERE i.reason IS NULL AND i.row_no = o.this;
UPDATE incoming i SET reason = format('与已有的网格“%s”(%s)重叠 %s 平方米', o.name, o.code, round(o.m2::numeric, 2))
FROM (SELECT DISTINCT ON (a.row_no) a.row_no, t.name, t.code, overlap_m2(a.geom, t.geom) AS m2
      FROM incoming a JOIN standing t ON a.geom && t.geom AND ST_Relate(a.geom, t.geom, '2********')
      WHERE a.target_id IS NULL AND overlap_m2(a.geom, t.geom) > 0.01 ORDER BY a.row_no, m2 DESC) o
WHERE i.reason IS NULL AND i.row_no = o.row_no;
UPDATE incoming i SET group_id = o.id FROM party_org o
WHERE o.region_id = i.region_id AND o.kind = 'grid_group' AND o.name = i.f->>'group';
