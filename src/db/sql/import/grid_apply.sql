-- Codes are the village's and three digits, west to east, then north to south, after those that were given.
UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO grid (id, county_id, village_id, kind)
SELECT i.target_id, s.county_id, i.region_id, 'general' FROM incoming i, setting s WHERE i.outcome = 'inserted';
INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during)
SELECT s.county_id, i.target_id, i.f->>'name', ST_Multi(i.geom), daterange(s.today, NULL) FROM incoming i, setting s WHERE i.outcome = 'inserted';
INSERT INTO code_alias (county_id, scheme, code, layer, feature_id, valid_during)
SELECT s.county_id, 'grid', i.f->>'code', 'grid', i.target_id, daterange(s.today, NULL)
FROM incoming i, setting s WHERE i.outcome = 'inserted' AND i.f->>'code' <> '';
WITH prefix AS (
  SELECT DISTINCT i.region_id, coalesce(code_today(i.region_id, 'division', s.today), i.region_id::text) AS code, s.county_id, s.today
  FROM incoming i, setting s WHERE i.outcome = 'inserted' AND coalesce(i.f->>'code', '') = ''
), used AS (
  SELECT p.region_id, coalesce(max(right(a.code, 3)::integer) FILTER (WHERE right(a.code, 3) < '900'), 0) AS n
  FROM prefix p LEFT JOIN code_alias a ON a.county_id = p.county_id AND a.scheme = 'grid' AND left(a.code, length(p.code)) = p.code
    AND length(a.code) = length(p.code) + 3 AND right(a.code, 3) ~ '^[0-9]{3}$'
  GROUP BY p.region_id
), ordered AS (
  SELECT i.region_id, i.target_id, row_number() OVER (PARTITION BY i.region_id ORDER BY ST_X(c), ST_Y(c) DESC, i.row_no) AS n
  FROM incoming i CROSS JOIN LATERAL ST_Centroid(i.geom) c WHERE i.outcome = 'inserted' AND coalesce(i.f->>'code', '') = ''
)
INSERT INTO code_alias (county_id, scheme, code, layer, feature_id, valid_during)
SELECT p.county_id, 'grid', p.code || lpad((u.n + o.n)::text, 3, '0'), 'grid', o.target_id, daterange(p.today, NULL)
FROM ordered o JOIN prefix p USING (region_id) JOIN used u USING (region_id);
INSERT INTO grid_responsibility (county_id, grid_id, org_id, valid_during)
SELECT s.county_id, i.target_id, i.group_id, daterange(s.today, NULL) FROM incoming i, setting s WHERE i.outcome = 'inserted' AND i.group_id IS NOT NULL;
INSERT INTO import_note
SELECT format('有 %s 个网格还没有责任党小组(文件未写,或该村没有登记这个党小组)。', count(*)) FROM incoming WHERE outcome = 'inserted' AND group_id IS NULL HAVING count(*) > 0;
INSERT INTO import_note
SELECT format('村“%s”有 %s 处宽超过 2 米、共 %s 平方米不在任何网格内,可用 yitu check 查看。', r.name, count(*), round(sum(ST_Area(d.geom::geography))))
FROM (SELECT region_id, ST_Union(geom) AS geom FROM incoming WHERE outcome = 'inserted' GROUP BY 1) u
JOIN region r ON r.id = u.region_id AND r.geom IS NOT NULL
CROSS JOIN LATERAL ST_Dump(ST_CollectionExtract(ST_Difference(r.geom, u.geom), 3)) d
WHERE is_wider_than(d.geom, 2) GROUP BY r.id, r.name;
