-- Why: who leads (the party tree) and who handles (the ladder of handling units), kept apart.
CREATE TYPE party_org_kind AS ENUM ('county_committee', 'township_committee', 'village_party_org', 'grid_group', 'cluster_committee');
CREATE TYPE party_org_form AS ENUM ('committee', 'general_branch', 'branch', 'group');  -- 党委 / 总支 / 支部 / 小组

CREATE TABLE party_org (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  parent_id bigint REFERENCES party_org,
  kind party_org_kind NOT NULL,
  form party_org_form NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  region_id bigint NOT NULL,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, region_id) REFERENCES region (county_id, id),
  CHECK ((kind = 'county_committee') = (parent_id IS NULL))
);
CREATE INDEX party_org_parent ON party_org (parent_id);
CREATE INDEX party_org_region ON party_org (region_id);
CALL follow_changes('party_org', 'party_org', 'id');
CALL count_versions('party_org');

CREATE TYPE handling_unit_kind AS ENUM
  ('grid_group', 'village_party_org', 'township_centre', 'county_centre', 'department', 'county_duty_officer');

CREATE TABLE handling_unit (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  parent_id bigint REFERENCES handling_unit,            -- one level up the ladder
  kind handling_unit_kind NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  region_id bigint NOT NULL,
  lead_org_id bigint NOT NULL REFERENCES party_org,     -- 责任党组织
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, region_id) REFERENCES region (county_id, id),
  CHECK ((kind = 'county_duty_officer') = (parent_id IS NULL))
);
CREATE INDEX handling_unit_parent ON handling_unit (parent_id);
CREATE INDEX handling_unit_lead ON handling_unit (lead_org_id);
CREATE UNIQUE INDEX handling_unit_last_resort ON handling_unit (county_id) WHERE kind = 'county_duty_officer';
CALL follow_changes('handling_unit', 'handling_unit', 'id');
CALL count_versions('handling_unit');

CREATE TABLE social_org (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  region_id bigint NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  kind text NOT NULL,
  registered boolean NOT NULL,                          -- 已备案
  geom geometry(Point, 4490),
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (county_id, region_id) REFERENCES region (county_id, id)
);
CALL follow_changes('social_org', 'social_org', 'id');
CALL count_versions('social_org');
