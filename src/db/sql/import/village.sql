-- Why: the village of each row: as said for all, by code, by a name that is unique, else by place.
UPDATE incoming i SET region_id = r.id FROM setting s JOIN region r ON r.id = s.parent_id AND r.level = 'village';
UPDATE incoming i SET region_id = r.id
FROM setting s, code_alias a, region r
WHERE i.region_id IS NULL AND a.county_id = s.county_id AND a.scheme = 'division' AND a.code = i.f->>'village_code'
  AND r.id = a.feature_id AND r.level = 'village';
UPDATE incoming i SET region_id = m.id FROM (
  SELECT w.village, w.township, min(r.id) AS id
  FROM (SELECT DISTINCT f->>'village' AS village, coalesce(f->>'township', '') AS township FROM incoming WHERE f->>'village' <> '') w
  CROSS JOIN setting s
  JOIN region r ON r.county_id = s.county_id AND r.level = 'village' AND r.name = w.village
  JOIN region t ON t.id = r.parent_id AND (w.township = '' OR t.name = w.township) AND (s.parent_id IS NULL OR t.id = s.parent_id OR s.parent_id = s.county_id)
  GROUP BY w.village, w.township HAVING count(*) = 1) m
WHERE i.region_id IS NULL AND coalesce(i.f->>'village_code', '') = '' AND i.f->>'village' = m.village AND coalesce(i.f->>'township', '') = m.township;
UPDATE incoming i SET region_id = m.id FROM (
  SELECT p.row_no, min(r.id) AS id
  FROM setting s JOIN region r ON r.county_id = s.county_id AND r.level = 'village'
  CROSS JOIN LATERAL (SELECT row_no FROM incoming_place WHERE ST_Covers(r.geom, at) OFFSET 0) p
  GROUP BY p.row_no) m
WHERE i.region_id IS NULL AND coalesce(i.f->>'village_code', '') = '' AND coalesce(i.f->>'village', '') = '' AND m.row_no = i.row_no;
UPDATE incoming SET reason = CASE
    WHEN coalesce(f->>'village_code', '') <> '' THEN format('村代码“%s”不在辖区中', f->>'village_code')
    WHEN coalesce(f->>'village', '') <> '' THEN format('村“%s”不存在,或有重名而没有乡镇一列', f->>'village')
    WHEN geom IS NULL THEN '没有村名、村代码,也没有坐标,不知属于哪个村'
    ELSE format('坐标(%s, %s)不在任何村的范围内,请核对坐标和坐标系',
           round(ST_X(ST_PointOnSurface(geom))::numeric, 6), round(ST_Y(ST_PointOnSurface(geom))::numeric, 6)) END
WHERE region_id IS NULL;
