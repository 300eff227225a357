-- Why: households and their members, the people who act for them, and the links between both.
-- Phones are ciphertext; the key never enters the database, so a number is found by its keyed hash.
CREATE TYPE grid_source AS ENUM ('point', 'register');

CREATE TABLE household (
  county_id bigint NOT NULL REFERENCES region,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  number text NOT NULL CHECK (number <> ''),
  village_id bigint NOT NULL,
  villager_group_id bigint REFERENCES villager_group,
  settlement_id bigint REFERENCES settlement,
  grid_id bigint REFERENCES grid,                       -- the general grid in force; NULL is a fault the check lists
  grid_source grid_source NOT NULL DEFAULT 'point',
  register_grid_id bigint REFERENCES grid,              -- what the register says; where it differs: 插花户
  geom geometry(Point, 4490),                           -- door point; NULL is 待落图
  outline geometry(Polygon, 4490) CHECK (ST_IsValid(outline)),
  address text NOT NULL DEFAULT '',
  head_name text NOT NULL CHECK (head_name <> ''),
  tags text[] NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (county_id, id),
  UNIQUE (county_id, number),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id)
);
CREATE INDEX household_village ON household (county_id, village_id);
CREATE INDEX household_grid ON household (county_id, grid_id);
CREATE INDEX household_geom ON household USING gist (geom);
CALL follow_changes('household', 'household', 'id');
CALL count_versions('household');

CREATE TABLE member (
  county_id bigint NOT NULL,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  household_id bigint NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  relation text NOT NULL,                               -- to the head: 户主 配偶 子 女 父 母 …
  gender text NOT NULL CHECK (gender IN ('male', 'female')),
  birth_year smallint NOT NULL CHECK (birth_year BETWEEN 1900 AND 2100),
  at_home boolean NOT NULL,                             -- 在村 / 外出
  tags text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (county_id, id),
  FOREIGN KEY (county_id, household_id) REFERENCES household ON DELETE CASCADE
);
CREATE INDEX member_household ON member (county_id, household_id);
CALL follow_changes('member', 'household', 'household_id');

CREATE TABLE responder (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  name text NOT NULL CHECK (name <> ''),
  skills text[] NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL follow_changes('responder', 'responder', 'id');
CALL count_versions('responder');

-- A phone belongs to a household (through a member or not) or to a responder.
CREATE TABLE phone (
  county_id bigint NOT NULL,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  household_id bigint,
  member_id bigint,
  responder_id bigint REFERENCES responder ON DELETE CASCADE,
  ciphertext bytea NOT NULL,                            -- XChaCha20-Poly1305: nonce, then sealed digits
  number_hash bytea NOT NULL CHECK (length(number_hash) = 32),  -- HMAC-SHA256 of all digits
  tail_hash bytea NOT NULL CHECK (length(tail_hash) = 32),      -- HMAC-SHA256 of the last four
  PRIMARY KEY (county_id, id),
  FOREIGN KEY (county_id, household_id) REFERENCES household ON DELETE CASCADE,
  FOREIGN KEY (county_id, member_id) REFERENCES member ON DELETE CASCADE,
  CHECK ((household_id IS NULL) <> (responder_id IS NULL))
);
CREATE INDEX phone_household ON phone (county_id, household_id);
CREATE INDEX phone_responder ON phone (responder_id);
CREATE INDEX phone_number_hash ON phone (county_id, number_hash);
CREATE INDEX phone_tail_hash ON phone (county_id, tail_hash);
CALL follow_changes('phone', 'household', 'household_id');

CREATE TYPE appointment_role AS ENUM
  ('grid_leader', 'grid_worker', 'village_cadre', 'committee_member', 'party_member', 'villager_representative',
   'six_officer', 'seconded_cadre', 'department_staff', 'duty_officer');
   -- 网格长 网格员 村主干 两委成员 党员 村民代表 六大员 下派干部 部门人员 值班员

CREATE TABLE appointment (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  responder_id bigint NOT NULL REFERENCES responder ON DELETE CASCADE,
  role appointment_role NOT NULL,
  unit_id bigint NOT NULL REFERENCES handling_unit,     -- the unit they act in
  region_id bigint NOT NULL,                            -- the village or wider region they serve
  grid_id bigint REFERENCES grid,
  valid_during daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid_during)),
  FOREIGN KEY (county_id, region_id) REFERENCES region (county_id, id),
  EXCLUDE USING gist (responder_id WITH =, role WITH =, unit_id WITH =, valid_during WITH &&)
);
CREATE INDEX appointment_unit ON appointment (unit_id);
CREATE INDEX appointment_grid ON appointment (grid_id);
CALL follow_changes('appointment', 'responder', 'responder_id');

CREATE TABLE duty (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  responder_id bigint NOT NULL REFERENCES responder ON DELETE CASCADE,
  unit_id bigint NOT NULL REFERENCES handling_unit,
  during tstzrange NOT NULL CHECK (NOT isempty(during)),
  EXCLUDE USING gist (responder_id WITH =, unit_id WITH =, during WITH &&)
);
CREATE INDEX duty_unit ON duty USING gist (unit_id, during);
CALL follow_changes('duty', 'responder', 'responder_id');

-- Presence is coarse on purpose: one word a month, confirmed by a person. Nobody's track is kept.
CREATE TABLE presence (
  county_id bigint NOT NULL REFERENCES region,
  responder_id bigint NOT NULL REFERENCES responder ON DELETE CASCADE,
  month date NOT NULL CHECK (date_trunc('month', month) = month),
  in_village boolean NOT NULL,
  confirmed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (responder_id, month)
);
CALL follow_changes('presence', 'responder', 'responder_id');

CREATE TABLE household_link (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL,
  household_id bigint NOT NULL,
  responder_id bigint NOT NULL REFERENCES responder ON DELETE CASCADE,
  valid_during daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid_during)),
  FOREIGN KEY (county_id, household_id) REFERENCES household ON DELETE CASCADE,
  EXCLUDE USING gist (household_id WITH =, responder_id WITH =, valid_during WITH &&)
);
CREATE INDEX household_link_responder ON household_link (responder_id);
CALL follow_changes('household_link', 'household', 'household_id');

-- How many households each role is to look after: targets, not limits.
CREATE TABLE link_target (
  county_id bigint NOT NULL REFERENCES region,
  role appointment_role NOT NULL,
  households integer NOT NULL CHECK (households > 0),
  PRIMARY KEY (county_id, role)
);
