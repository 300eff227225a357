UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
-- Segments that end at the same position share its node, so that they can be driven through.
CREATE TEMP TABLE node ON COMMIT DROP AS
SELECT at, coalesce(min(node), nextval('feature_id')) AS node FROM (
  SELECT ST_StartPoint(geom) AS at, from_node AS node FROM road
  UNION ALL SELECT ST_EndPoint(geom), to_node FROM road
  UNION ALL SELECT ST_StartPoint(geom), NULL FROM incoming
  UNION ALL SELECT ST_EndPoint(geom), NULL FROM incoming) e
GROUP BY at;
INSERT INTO road (id, county_id, class, name, speed_kmh, from_node, to_node, geom)
SELECT i.target_id, s.county_id, (i.f->>'class')::road_class, coalesce(i.f->>'name', ''),
       coalesce(nullif(i.f->>'speed_kmh', '')::real,
         CASE i.f->>'class' WHEN 'highway' THEN 100 WHEN 'primary' THEN 70 WHEN 'secondary' THEN 50 WHEN 'township' THEN 40 WHEN 'village' THEN 25 ELSE 10 END),
       a.node, b.node, i.geom
FROM incoming i CROSS JOIN setting s JOIN node a ON a.at = ST_StartPoint(i.geom) JOIN node b ON b.at = ST_EndPoint(i.geom)
WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE road t SET class = (i.f->>'class')::road_class, name = coalesce(i.f->>'name', t.name),
    speed_kmh = coalesce(nullif(i.f->>'speed_kmh', '')::real, t.speed_kmh)
  FROM incoming i WHERE t.id = i.target_id AND i.outcome IS NULL
    AND (t.class, t.name, t.speed_kmh) IS DISTINCT FROM
        ((i.f->>'class')::road_class, coalesce(i.f->>'name', t.name), coalesce(nullif(i.f->>'speed_kmh', '')::real, t.speed_kmh))
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
