UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO bus_line (id, county_id, number, name, geom)
SELECT i.target_id, s.county_id, i.f->>'number', i.f->>'name', i.geom FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE bus_line t SET geom = i.geom FROM incoming i
  WHERE t.id = i.target_id AND i.outcome IS NULL AND t.geom IS DISTINCT FROM i.geom
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
