-- Why: a wrong coordinate system that still gives plausible degrees shows in this: far from the county.
WITH around AS MATERIALIZED (
  SELECT ST_Expand(ST_Envelope(c.geom), 0.3) AS box FROM setting s JOIN region c ON c.id = s.county_id
  WHERE c.geom IS NOT NULL AND s.level IS NULL
)
UPDATE incoming i SET reason = format('坐标(%s, %s)远在县域之外,请核对坐标系',
    round(ST_X(ST_Centroid(i.geom))::numeric, 6), round(ST_Y(ST_Centroid(i.geom))::numeric, 6))
FROM around
WHERE i.reason IS NULL AND i.geom IS NOT NULL AND NOT i.geom && box;
