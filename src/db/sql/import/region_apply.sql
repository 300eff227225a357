UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO region (id, county_id, parent_id, level, kind, name, geom)
SELECT i.target_id, s.county_id, i.region_id, s.level,
       coalesce(nullif(i.f->>'kind', ''), CASE
         WHEN s.level = 'village' THEN CASE WHEN i.f->>'name' ~ '(社区|居委会|居民委员会)' THEN '社区' ELSE '村' END
         WHEN i.f->>'name' LIKE '%街道%' THEN '街道' WHEN i.f->>'name' LIKE '%乡' THEN '乡' ELSE '镇' END),
       i.f->>'name', i.geom
FROM incoming i, setting s WHERE i.outcome = 'inserted';
INSERT INTO code_alias (county_id, scheme, code, layer, feature_id)
SELECT s.county_id, 'division', i.f->>'code', 'region', i.target_id FROM incoming i, setting s
WHERE i.f->>'code' <> ''
ON CONFLICT (county_id, scheme, code) DO NOTHING;
WITH changed AS (
  UPDATE region r SET name = i.f->>'name', kind = coalesce(nullif(i.f->>'kind', ''), r.kind), parent_id = i.region_id, geom = coalesce(i.geom, r.geom)
  FROM incoming i
  WHERE r.id = i.target_id AND i.outcome IS NULL
    AND (r.name, r.kind, r.parent_id, r.geom) IS DISTINCT FROM
        (i.f->>'name', coalesce(nullif(i.f->>'kind', ''), r.kind), i.region_id, coalesce(i.geom, r.geom))
  RETURNING r.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;

-- A township without an outline is the union of its villages, once all have theirs.
UPDATE region t SET geom = u.geom FROM setting s, LATERAL (
  SELECT t2.id, ST_Multi(ST_CollectionExtract(ST_MakeValid(ST_Union(v.geom)), 3)) AS geom FROM region t2 JOIN region v ON v.parent_id = t2.id
  WHERE t2.county_id = s.county_id AND t2.level = 'township' AND t2.geom IS NULL GROUP BY t2.id HAVING bool_and(v.geom IS NOT NULL)) u
WHERE t.id = u.id;
-- The county is the union of its townships.
UPDATE region c SET geom = u.geom FROM setting s, LATERAL (
  SELECT ST_Multi(ST_CollectionExtract(ST_MakeValid(ST_Union(t.geom)), 3)) AS geom, bool_and(t.geom IS NOT NULL) AS whole
  FROM region t WHERE t.county_id = s.county_id AND t.level = 'township') u
WHERE c.id = s.county_id AND u.whole AND EXISTS (SELECT FROM incoming WHERE outcome IS NOT NULL)
  AND (c.geom IS NULL OR NOT ST_Equals(c.geom, u.geom));
