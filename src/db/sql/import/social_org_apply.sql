UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO social_org (id, county_id, region_id, name, kind, registered, geom)
SELECT i.target_id, s.county_id, i.region_id, i.f->>'name', i.f->>'kind', (i.f->>'registered')::boolean, i.geom
FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE social_org t SET region_id = i.region_id, kind = i.f->>'kind', registered = (i.f->>'registered')::boolean, geom = coalesce(i.geom, t.geom)
  FROM incoming i WHERE t.id = i.target_id AND i.outcome IS NULL
    AND (t.region_id, t.kind, t.registered, t.geom) IS DISTINCT FROM (i.region_id, i.f->>'kind', (i.f->>'registered')::boolean, coalesce(i.geom, t.geom))
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
