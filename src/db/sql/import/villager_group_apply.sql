UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO villager_group (id, county_id, village_id, name, geom)
SELECT i.target_id, s.county_id, i.region_id, i.f->>'name', i.geom FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE villager_group t SET geom = i.geom FROM incoming i
  WHERE t.id = i.target_id AND i.outcome IS NULL AND i.geom IS NOT NULL AND t.geom IS DISTINCT FROM i.geom
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
