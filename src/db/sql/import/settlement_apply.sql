UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO settlement (id, county_id, village_id, name, kind, geom)
SELECT i.target_id, s.county_id, i.region_id, i.f->>'name', coalesce(nullif(i.f->>'kind', ''), 'hamlet'), i.geom
FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE settlement t SET kind = coalesce(nullif(i.f->>'kind', ''), t.kind), geom = coalesce(i.geom, t.geom)
  FROM incoming i WHERE t.id = i.target_id AND i.outcome IS NULL
    AND (t.kind, t.geom) IS DISTINCT FROM (coalesce(nullif(i.f->>'kind', ''), t.kind), coalesce(i.geom, t.geom))
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
