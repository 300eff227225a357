-- Why: a border drawn anew meets an unchanged one between its vertices, and a stored vertex is rounded to 1e-8°,
-- so it lies up to a millimetre beside the line it was drawn on. Such seams are no overlap; one measure of what is
-- one serves the preview of a redraw, the rule at commit and `yitu check`, so that they always agree.

-- A shape no wider than a county in metres, on the plane of its middle: the radii of curvature of the CGCS2000
-- ellipsoid stretch degrees to metres, so edges stay straight in longitude and latitude, as the predicates and the
-- tiles take them. Between two vertices 250 m apart a geodesic bows off that line by a millimetre; measured along
-- geodesics, a seam of no width at all has an area.
CREATE FUNCTION local_metres(shape geometry) RETURNS geometry LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ST_SetSRID(ST_Affine(shape, r.n * cos(radians(lat)), 0, 0, r.m, -r.n * cos(radians(lat)) * lon, -r.m * lat), 0)
  FROM (SELECT (ST_XMin(shape) + ST_XMax(shape)) / 2 AS lon, (ST_YMin(shape) + ST_YMax(shape)) / 2 AS lat OFFSET 0) middle,
       LATERAL (SELECT 1 - 0.00669438002290 * sin(radians(lat)) ^ 2 AS w OFFSET 0) s,
       LATERAL (SELECT radians(1) * 6378137 / sqrt(w) AS n, radians(1) * 6378137 * (1 - 0.00669438002290) / w ^ 1.5 AS m OFFSET 0) r
$$;

-- The area two areas share, m²: parts that are on average no wider than 2 mm are rounding and do not count.
CREATE FUNCTION overlap_m2(a geometry, b geometry) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(sum(ST_Area(part)), 0)
  FROM (SELECT local_metres(d.geom) AS part FROM ST_Dump(ST_CollectionExtract(ST_Intersection(a, b), 3)) d OFFSET 0) parts
  WHERE ST_Perimeter(part) > 0 AND 2 * ST_Area(part) / ST_Perimeter(part) > 0.002
$$;

-- Whether a circle of so many metres across fits into an area somewhere.
CREATE FUNCTION is_wider_than(area geometry, metres float8) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT NOT ST_IsEmpty(ST_Buffer(local_metres(area), -metres / 2))
$$;

CREATE OR REPLACE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE other record;
BEGIN
  IF NOT upper_inf(NEW.recorded_during)
     OR (SELECT kind FROM grid WHERE id = NEW.grid_id) <> 'general'
     OR NOT EXISTS (SELECT FROM grid_version WHERE id = NEW.id AND upper_inf(recorded_during)) THEN
    RETURN NULL;
  END IF;
  SELECT v.grid_id, v.name, overlap_m2(v.geom, NEW.geom) AS shared INTO other
  FROM grid_version v JOIN grid g ON g.id = v.grid_id
  WHERE g.kind = 'general' AND v.id <> NEW.id AND v.grid_id <> NEW.grid_id
    AND upper_inf(v.recorded_during) AND v.valid_during && NEW.valid_during
    AND v.geom && NEW.geom
    AND ST_Relate(v.geom, NEW.geom, '2********')
    AND overlap_m2(v.geom, NEW.geom) > 0.01
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'general grids % (%) and % (%) overlap by % m2', NEW.name, NEW.grid_id, other.name, other.grid_id, round(other.shared::numeric, 2)
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'general_grids_do_not_overlap';
  END IF;
  RETURN NULL;
END $$;

-- Villages border each other: two that are drawn at once would each be checked against the other as it was. So
-- whoever draws takes the county's turn first, until it commits, and then that of its villages.
CREATE FUNCTION take_county_draw_turn(county bigint) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('yitu draw', county))
$$;

CREATE OR REPLACE FUNCTION take_draw_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM take_county_draw_turn(county_id) FROM (SELECT DISTINCT county_id FROM new_rows ORDER BY 1) counties;
  INSERT INTO village_draw_turn (village_id)
  SELECT DISTINCT g.village_id FROM new_rows v JOIN grid g ON g.id = v.grid_id ORDER BY 1
  ON CONFLICT (village_id) DO UPDATE SET draw_count = village_draw_turn.draw_count + 1;
  RETURN NULL;
END $$;
