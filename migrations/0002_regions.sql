-- Why: the tree of regions every other thing lies in, the names people give to places, and the codes
-- that others know them by.
CREATE TYPE region_level AS ENUM ('county', 'township', 'village');

CREATE TABLE region (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id') CHECK (id BETWEEN 1 AND 9007199254740991),
  county_id bigint NOT NULL REFERENCES region,          -- a county is its own county
  parent_id bigint REFERENCES region,
  level region_level NOT NULL,
  kind text NOT NULL,                                   -- 县 / 乡 / 镇 / 街道 / 村 / 社区
  name text NOT NULL CHECK (name <> ''),
  geom geometry(MultiPolygon, 4490) CHECK (ST_IsValid(geom)),
  time_zone text,                                       -- counties only
  map_review_no text,                                   -- 审图号, counties only
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((level = 'county') = (parent_id IS NULL)),
  CHECK ((level = 'county') = (county_id = id)),
  CHECK ((level = 'county') = (time_zone IS NOT NULL)),
  UNIQUE (county_id, id)
);
CREATE INDEX region_parent ON region (parent_id);
CREATE INDEX region_geom ON region USING gist (geom);
CALL follow_changes('region', 'region', 'id');
CALL count_versions('region');

-- The level above, and no other, is a region's parent.
CREATE FUNCTION check_region_parent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE above region_level;
BEGIN
  IF NEW.parent_id IS NULL THEN RETURN NEW; END IF;
  SELECT level INTO above FROM region WHERE id = NEW.parent_id AND county_id = NEW.county_id;
  IF above IS DISTINCT FROM (CASE NEW.level WHEN 'township' THEN 'county' WHEN 'village' THEN 'township' END)::region_level THEN
    RAISE EXCEPTION 'region % (%) cannot lie under %', NEW.name, NEW.level, coalesce(above::text, 'a region of another county')
      USING ERRCODE = 'check_violation', CONSTRAINT = 'region_parent_is_one_level_up';
  END IF;
  RETURN NEW;
END $$;
CREATE CONSTRAINT TRIGGER region_parent_is_one_level_up AFTER INSERT OR UPDATE OF parent_id, level ON region
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_region_parent();

-- The county's calendar day at an instant: effective dates are the county's, never the server's.
CREATE FUNCTION county_day(of_county bigint, at timestamptz DEFAULT now()) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT (at AT TIME ZONE (SELECT time_zone FROM region WHERE id = of_county))::date
$$;

CREATE TABLE villager_group (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  village_id bigint NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  geom geometry(Geometry, 4490) CHECK (GeometryType(geom) IN ('POINT', 'POLYGON', 'MULTIPOLYGON') AND ST_IsValid(geom)),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id),
  UNIQUE (village_id, name)
);
CALL follow_changes('villager_group', 'villager_group', 'id');
CALL count_versions('villager_group');

CREATE TABLE settlement (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  village_id bigint NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  kind text NOT NULL DEFAULT 'hamlet',                  -- town / village / hamlet / place
  geom geometry(Geometry, 4490) CHECK (GeometryType(geom) IN ('POINT', 'POLYGON', 'MULTIPOLYGON') AND ST_IsValid(geom)),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id)
);
CREATE INDEX settlement_village ON settlement (village_id);
CALL follow_changes('settlement', 'settlement', 'id');
CALL count_versions('settlement');

-- Codes are dated names, never keys. A code belongs to one feature for ever: the key forbids its reuse.
CREATE TABLE code_alias (
  county_id bigint NOT NULL REFERENCES region,
  scheme text NOT NULL CHECK (scheme IN ('division', 'grid', 'police_address', 'household')),
  code text NOT NULL CHECK (code <> ''),
  layer text NOT NULL,
  feature_id bigint NOT NULL,
  valid_during daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid_during)),
  PRIMARY KEY (county_id, scheme, code),
  EXCLUDE USING gist (feature_id WITH =, scheme WITH =, valid_during WITH &&)
);

-- The layer of an alias says whose tile it is on.
CREATE FUNCTION log_aliases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO change_log (county_id, layer, feature_id) SELECT DISTINCT county_id, layer, feature_id FROM new_rows;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO change_log (county_id, layer, feature_id) SELECT DISTINCT county_id, layer, feature_id FROM old_rows;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER log_inserted AFTER INSERT ON code_alias REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION log_aliases();
CREATE TRIGGER log_updated AFTER UPDATE ON code_alias REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION log_aliases();
CREATE TRIGGER log_deleted AFTER DELETE ON code_alias REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION log_aliases();
