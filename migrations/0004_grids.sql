-- Why: grids as lasting identities with dated versions on two time axes, so that "who was responsible on
-- day D, as known on day K" can always be answered; and the rule that general grids never overlap.
CREATE TYPE grid_kind AS ENUM ('general', 'dedicated');

CREATE TABLE grid (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  village_id bigint NOT NULL,                           -- the village it lies in, or is run from when dedicated
  kind grid_kind NOT NULL,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id)
);
CREATE INDEX grid_village ON grid (village_id);
CALL follow_changes('grid', 'grid', 'id');
CALL count_versions('grid');

CREATE TYPE redraw_state AS ENUM ('preview', 'published', 'active', 'discarded');

CREATE TABLE redraw (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  village_id bigint NOT NULL,
  effective_from date NOT NULL,
  state redraw_state NOT NULL DEFAULT 'preview',
  plan jsonb NOT NULL,                                  -- the whole village's grids as posted
  findings jsonb NOT NULL DEFAULT '[]',                 -- faults and warnings of the preview
  waivers jsonb NOT NULL DEFAULT '[]',
  based_on bigint NOT NULL,                             -- the village's draw_count the preview saw
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz,
  activated_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id),
  CHECK ((state IN ('published', 'active')) = (published_at IS NOT NULL)),
  CHECK ((state = 'active') = (activated_at IS NOT NULL))
);
CREATE INDEX redraw_waiting ON redraw (effective_from) WHERE state = 'published';
CALL count_versions('redraw');

CREATE TABLE grid_version (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  grid_id bigint NOT NULL REFERENCES grid,
  name text NOT NULL CHECK (name <> ''),
  geom geometry(MultiPolygon, 4490) NOT NULL CHECK (ST_IsValid(geom)),
  valid_during daterange NOT NULL CHECK (NOT isempty(valid_during)),
  recorded_during tstzrange NOT NULL DEFAULT tstzrange(now(), NULL) CHECK (NOT isempty(recorded_during)),
  redraw_id bigint REFERENCES redraw,
  EXCLUDE USING gist (grid_id WITH =, valid_during WITH &&, recorded_during WITH &&)
);
CREATE INDEX grid_version_geom ON grid_version USING gist (geom);
CREATE INDEX grid_version_grid ON grid_version (grid_id);
CALL follow_changes('grid_version', 'grid', 'grid_id');

CREATE TYPE lineage_kind AS ENUM ('split', 'merge', 'reshape');
CREATE TABLE grid_lineage (
  from_grid_id bigint NOT NULL REFERENCES grid,
  to_grid_id bigint NOT NULL REFERENCES grid,
  county_id bigint NOT NULL REFERENCES region,
  redraw_id bigint NOT NULL REFERENCES redraw,
  kind lineage_kind NOT NULL,
  PRIMARY KEY (from_grid_id, to_grid_id, redraw_id)
);

-- One responsible party group a grid at any day.
CREATE TABLE grid_responsibility (
  county_id bigint NOT NULL REFERENCES region,
  grid_id bigint NOT NULL REFERENCES grid,
  org_id bigint NOT NULL REFERENCES party_org,
  valid_during daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid_during)),
  EXCLUDE USING gist (grid_id WITH =, valid_during WITH &&)
);
CREATE INDEX grid_responsibility_org ON grid_responsibility (org_id);
CALL follow_changes('grid_responsibility', 'grid', 'grid_id');

-- Whoever draws in a village takes its turn here first. A row lock serves both isolation levels: under
-- READ COMMITTED the later one waits and its check sees the earlier one's grids; under REPEATABLE READ it fails.
CREATE TABLE village_draw_turn (
  village_id bigint PRIMARY KEY REFERENCES region,
  draw_count bigint NOT NULL DEFAULT 1
);

CREATE FUNCTION take_draw_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO village_draw_turn (village_id)
  SELECT DISTINCT g.village_id FROM new_rows v JOIN grid g ON g.id = v.grid_id ORDER BY 1
  ON CONFLICT (village_id) DO UPDATE SET draw_count = village_draw_turn.draw_count + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER take_draw_turn_inserted AFTER INSERT ON grid_version REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION take_draw_turn();
CREATE TRIGGER take_draw_turn_updated AFTER UPDATE ON grid_version REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION take_draw_turn();

-- General grids of a county never share more than 0.01 m² on any day, as recorded now. Checked at commit,
-- when a redraw has put its whole set in place.
CREATE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE other record;
BEGIN
  IF NOT upper_inf(NEW.recorded_during)
     OR (SELECT kind FROM grid WHERE id = NEW.grid_id) <> 'general'
     OR NOT EXISTS (SELECT FROM grid_version WHERE id = NEW.id AND upper_inf(recorded_during)) THEN
    RETURN NULL;
  END IF;
  SELECT v.grid_id, v.name, ST_Area(ST_Intersection(v.geom, NEW.geom)::geography) AS shared INTO other
  FROM grid_version v JOIN grid g ON g.id = v.grid_id
  WHERE g.kind = 'general' AND v.id <> NEW.id AND v.grid_id <> NEW.grid_id
    AND upper_inf(v.recorded_during) AND v.valid_during && NEW.valid_during
    AND v.geom && NEW.geom
    AND ST_Relate(v.geom, NEW.geom, '2********')
    AND ST_Area(ST_Intersection(v.geom, NEW.geom)::geography) > 0.01
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'general grids % (%) and % (%) overlap by % m2', NEW.name, NEW.grid_id, other.name, other.grid_id, round(other.shared::numeric, 2)
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'general_grids_do_not_overlap';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER general_grids_do_not_overlap AFTER INSERT OR UPDATE ON grid_version
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_overlap();
