-- Why: where people meet and are served, how villages join, and what the base map is drawn from.
CREATE TYPE venue_kind AS ENUM
  ('pavilion', 'corridor', 'courtyard', 'party_centre', 'civilisation_station', 'party_courtyard', 'judge_station',
   'mediation_room', 'elder_canteen', 'clinic', 'book_room', 'culture_square', 'clan_hall', 'points_shop');

CREATE TABLE venue (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  village_id bigint NOT NULL,
  kind venue_kind NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  capacity integer CHECK (capacity > 0),                -- people
  opening_hours text NOT NULL DEFAULT '',
  geom geometry(Geometry, 4490) NOT NULL CHECK (GeometryType(geom) IN ('POINT', 'POLYGON', 'MULTIPOLYGON') AND ST_IsValid(geom)),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id)
);
CREATE INDEX venue_village ON venue (village_id);
CREATE INDEX venue_geom ON venue USING gist (geom);
CALL follow_changes('venue', 'venue', 'id');
CALL count_versions('venue');

CREATE TABLE bus_line (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  number text NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  geom geometry(LineString, 4490) NOT NULL,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL follow_changes('bus_line', 'bus_line', 'id');
CALL count_versions('bus_line');

CREATE TABLE bus_stop (
  county_id bigint NOT NULL REFERENCES region,
  line_id bigint NOT NULL REFERENCES bus_line ON DELETE CASCADE,
  ordinal smallint NOT NULL CHECK (ordinal >= 1),
  name text NOT NULL CHECK (name <> ''),
  geom geometry(Point, 4490) NOT NULL,
  PRIMARY KEY (line_id, ordinal)
);
CALL follow_changes('bus_stop', 'bus_line', 'line_id');

CREATE TYPE road_class AS ENUM ('highway', 'primary', 'secondary', 'township', 'village', 'path');
CREATE TABLE road (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  class road_class NOT NULL,
  name text NOT NULL DEFAULT '',
  speed_kmh real NOT NULL CHECK (speed_kmh > 0),
  from_node bigint NOT NULL,
  to_node bigint NOT NULL,
  geom geometry(LineString, 4490) NOT NULL,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX road_geom ON road USING gist (geom);
CALL follow_changes('road', 'road', 'id');
CALL count_versions('road');

-- 联村联社. Its outline is the union of its member villages and is computed, never stored.
CREATE TABLE cluster (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  name text NOT NULL CHECK (name <> ''),
  committee_org_id bigint REFERENCES party_org,         -- 联村党委
  industries text[] NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL follow_changes('cluster', 'cluster', 'id');
CALL count_versions('cluster');

CREATE TYPE cluster_member_kind AS ENUM ('village', 'cooperative', 'social_org');
CREATE TABLE cluster_member (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  cluster_id bigint NOT NULL REFERENCES cluster ON DELETE CASCADE,
  kind cluster_member_kind NOT NULL,
  -- Registers name members by code or name before those are known here: an unresolved one is kept and listed.
  member_name text NOT NULL CHECK (member_name <> ''),
  village_id bigint REFERENCES region,
  social_org_id bigint REFERENCES social_org,
  valid_during daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid_during)),
  CHECK (village_id IS NULL OR kind = 'village'),
  CHECK (social_org_id IS NULL OR kind = 'social_org'),
  EXCLUDE USING gist (cluster_id WITH =, village_id WITH =, valid_during WITH &&)
);
CREATE INDEX cluster_member_cluster ON cluster_member (cluster_id);
CREATE INDEX cluster_member_village ON cluster_member (village_id);
CALL follow_changes('cluster_member', 'cluster', 'cluster_id');

CREATE TABLE cluster_bus_line (
  county_id bigint NOT NULL REFERENCES region,
  cluster_id bigint NOT NULL REFERENCES cluster ON DELETE CASCADE,
  line_id bigint NOT NULL REFERENCES bus_line ON DELETE CASCADE,
  PRIMARY KEY (cluster_id, line_id)
);
CALL follow_changes('cluster_bus_line', 'cluster', 'cluster_id');

CREATE TABLE water (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  kind text NOT NULL CHECK (kind IN ('river', 'stream', 'reservoir')),
  name text NOT NULL DEFAULT '',
  geom geometry(Geometry, 4490) NOT NULL CHECK (ST_IsValid(geom)),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL follow_changes('water', 'water', 'id');
CALL count_versions('water');

CREATE TABLE land_use (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  kind text NOT NULL CHECK (kind IN ('forest', 'bamboo', 'orchard', 'terrace', 'farmland', 'grass', 'built')),
  geom geometry(Geometry, 4490) NOT NULL CHECK (ST_IsValid(geom)),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL follow_changes('land_use', 'land_use', 'id');
CALL count_versions('land_use');

CREATE TABLE building (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  kind text NOT NULL DEFAULT 'house',
  geom geometry(Polygon, 4490) NOT NULL CHECK (ST_IsValid(geom)),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL follow_changes('building', 'building', 'id');
CALL count_versions('building');

-- One elevation grid a county: row-major from the north-west corner, little-endian int16 metres above sea
-- level; -32768 is no data.
CREATE TABLE elevation (
  county_id bigint PRIMARY KEY REFERENCES region,
  west double precision NOT NULL,                       -- degrees, EPSG:4490, of the outer edge of the first cell
  north double precision NOT NULL,
  cell_degrees_x double precision NOT NULL CHECK (cell_degrees_x > 0),
  cell_degrees_y double precision NOT NULL CHECK (cell_degrees_y > 0),
  columns integer NOT NULL CHECK (columns > 0),
  rows integer NOT NULL CHECK (rows > 0),
  heights bytea NOT NULL,
  CHECK (length(heights) = columns * rows * 2)
);

-- What each imported layer is and may be shown as. 涉密 material is refused at import.
CREATE TABLE layer_source (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  layer text NOT NULL,
  file_name text NOT NULL,
  security_class text NOT NULL CHECK (security_class IN ('public', 'internal')),
  provider text NOT NULL,
  approval_no text,
  dated date NOT NULL,
  rows_read bigint NOT NULL,
  rows_changed bigint NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
