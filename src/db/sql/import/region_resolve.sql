-- Why: the region above each row, made where a row names one that is not there; then which region the row is.
UPDATE incoming i SET reason = format('代码“%s”在文件中出现 %s 次', d.code, d.n)
FROM (SELECT f->>'code' AS code, count(*) AS n FROM incoming WHERE f->>'code' <> '' GROUP BY 1 HAVING count(*) > 1) d
WHERE i.f->>'code' = d.code;

-- Townships that a village's row names by code and name, and that are not there.
WITH named AS (
  SELECT DISTINCT ON (f->>'township_code') f->>'township_code' AS code, f->>'township' AS name FROM incoming, setting s
  WHERE s.level = 'village' AND f->>'township_code' <> '' AND f->>'township' <> ''
    AND NOT EXISTS (SELECT FROM code_alias a WHERE a.county_id = s.county_id AND a.scheme = 'division' AND a.code = f->>'township_code')
  ORDER BY f->>'township_code', row_no
), made AS (
  INSERT INTO region (id, county_id, parent_id, level, kind, name)
  SELECT nextval('feature_id'), s.county_id, s.county_id, 'township',
         CASE WHEN n.name LIKE '%街道%' THEN '街道' WHEN n.name LIKE '%乡' THEN '乡' ELSE '镇' END, n.name
  FROM named n, setting s RETURNING id, county_id, name
), coded AS (
  INSERT INTO code_alias (county_id, scheme, code, layer, feature_id)
  SELECT m.county_id, 'division', n.code, 'region', m.id FROM made m JOIN named n ON n.name = m.name RETURNING 1
)
INSERT INTO import_note SELECT format('新建乡镇 %s 个:%s。', count(*), string_agg(name, '、' ORDER BY name)) FROM made HAVING count(*) > 0;

UPDATE incoming SET region_id = s.county_id FROM setting s WHERE s.level = 'township';
UPDATE incoming i SET region_id = r.id FROM setting s, code_alias a, region r
WHERE i.region_id IS NULL AND a.county_id = s.county_id AND a.scheme = 'division' AND r.id = a.feature_id AND r.level = 'township'
  AND a.code = i.f->>'township_code';
UPDATE incoming i SET region_id = m.id FROM (
  SELECT r.name, min(r.id) AS id FROM region r, setting s WHERE r.county_id = s.county_id AND r.level = 'township' GROUP BY r.name HAVING count(*) = 1) m
WHERE i.region_id IS NULL AND coalesce(i.f->>'township_code', '') = '' AND i.f->>'township' = m.name;
UPDATE incoming i SET region_id = r.id FROM setting s JOIN region r ON r.id = s.parent_id AND r.level = 'township'
WHERE i.region_id IS NULL AND coalesce(i.f->>'township_code', '') = '' AND coalesce(i.f->>'township', '') = '';
-- A village's code begins with its township's; some write the township's with three zeros more.
UPDATE incoming i SET region_id = r.id FROM setting s, code_alias a, region r
WHERE i.region_id IS NULL AND coalesce(i.f->>'township_code', '') = '' AND coalesce(i.f->>'township', '') = ''
  AND a.county_id = s.county_id AND a.scheme = 'division' AND r.id = a.feature_id AND r.level = 'township'
  AND length(i.f->>'code') = 12 AND a.code IN (left(i.f->>'code', 9), left(i.f->>'code', 9) || '000');
UPDATE incoming i SET region_id = m.id FROM (
  SELECT p.row_no, min(r.id) AS id FROM incoming p CROSS JOIN setting s
  JOIN region r ON r.county_id = s.county_id AND r.level = 'township' AND ST_Covers(r.geom, ST_PointOnSurface(p.geom))
  WHERE p.region_id IS NULL AND coalesce(p.f->>'township_code', '') = '' AND coalesce(p.f->>'township', '') = '' GROUP BY p.row_no) m
WHERE m.row_no = i.row_no;
UPDATE incoming SET reason = CASE
    WHEN coalesce(f->>'township_code', '') <> '' THEN format('乡镇代码“%s”不在辖区中', f->>'township_code')
    WHEN coalesce(f->>'township', '') <> '' THEN format('乡镇“%s”不在辖区中', f->>'township')
    ELSE '不知属于哪个乡镇:请加乡镇一列,或用 --parent 指明' END
WHERE region_id IS NULL AND reason IS NULL;

UPDATE incoming i SET target_id = r.id FROM setting s, code_alias a, region r
WHERE a.county_id = s.county_id AND a.scheme = 'division' AND a.code = i.f->>'code' AND r.id = a.feature_id AND r.level = s.level;
UPDATE incoming i SET reason = format('代码“%s”已属于%s“%s”', i.f->>'code', r.level, r.name)
FROM setting s, code_alias a, region r
WHERE i.reason IS NULL AND a.county_id = s.county_id AND a.scheme = 'division' AND a.code = i.f->>'code' AND r.id = a.feature_id AND r.level <> s.level;
-- Without a code, and for a region that has none yet, the name within the region above.
UPDATE incoming i SET target_id = m.id FROM (
  SELECT p.row_no, min(r.id) AS id FROM incoming p CROSS JOIN setting s
  JOIN region r ON r.parent_id = p.region_id AND r.level = s.level AND r.name = p.f->>'name'
  WHERE p.target_id IS NULL AND (coalesce(p.f->>'code', '') = '' OR NOT EXISTS (SELECT FROM code_alias a WHERE a.feature_id = r.id AND a.scheme = 'division'))
  GROUP BY p.row_no HAVING count(*) = 1) m
WHERE m.row_no = i.row_no;
UPDATE incoming i SET reason = format('“%s”与另一行是同一辖区', i.f->>'name')
FROM (SELECT target_id FROM incoming WHERE target_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1) d
WHERE i.target_id = d.target_id AND i.reason IS NULL;
UPDATE incoming i SET reason = format('“%s”没有代码,且在文件中出现 %s 次', d.name, d.n)
FROM (SELECT region_id, f->>'name' AS name, count(*) AS n FROM incoming WHERE coalesce(f->>'code', '') = '' GROUP BY 1, 2 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND coalesce(i.f->>'code', '') = '' AND i.region_id = d.region_id AND i.f->>'name' = d.name;
