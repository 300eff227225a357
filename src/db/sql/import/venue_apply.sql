UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO venue (id, county_id, village_id, kind, name, capacity, opening_hours, geom)
SELECT i.target_id, s.county_id, i.region_id, (i.f->>'kind')::venue_kind, i.f->>'name', nullif(i.f->>'capacity', '')::integer,
       coalesce(i.f->>'opening_hours', ''), i.geom
FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH wanted AS (
  SELECT i.target_id, CASE WHEN i.f ? 'capacity' THEN nullif(i.f->>'capacity', '')::integer ELSE t.capacity END AS capacity,
         coalesce(i.f->>'opening_hours', t.opening_hours) AS opening_hours, i.geom
  FROM incoming i JOIN venue t ON t.id = i.target_id WHERE i.outcome IS NULL
), changed AS (
  UPDATE venue t SET capacity = w.capacity, opening_hours = w.opening_hours, geom = w.geom FROM wanted w
  WHERE t.id = w.target_id AND (t.capacity, t.opening_hours, t.geom) IS DISTINCT FROM (w.capacity, w.opening_hours, w.geom)
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
