-- Why: what kinds of matter there are, who they go to and how fast, and which days count as working days.
CREATE TABLE category (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  code text NOT NULL CHECK (code <> ''),
  parent_id bigint REFERENCES category,
  name text NOT NULL CHECK (name <> ''),
  village_admitted boolean NOT NULL,                    -- on the 准入清单: may be handled by a village
  township_delegated text,                              -- number of the document that delegates it to townships
  legal_dept text,                                      -- the department the law names, where enforcement is meant
  restricted boolean NOT NULL DEFAULT false,            -- 保密件
  photo_needed boolean NOT NULL DEFAULT false,
  valid_during daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid_during)),
  UNIQUE (county_id, id),
  EXCLUDE USING gist (county_id WITH =, code WITH =, valid_during WITH &&)
);

CREATE TYPE urgency AS ENUM ('ordinary', 'hard', 'urgent');

-- A version of the whole rule table is published at once and never edited afterwards.
CREATE TABLE dispatch_rule_version (
  county_id bigint NOT NULL REFERENCES region,
  version integer NOT NULL CHECK (version >= 1),
  confident_probability real NOT NULL DEFAULT 0.90 CHECK (confident_probability > 0.5 AND confident_probability <= 1),
  note text NOT NULL DEFAULT '',
  published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (county_id, version)
);
CALL append_only('dispatch_rule_version');

-- A NULL condition fits everything; the rule with the most conditions that fit wins.
CREATE TABLE dispatch_rule (
  county_id bigint NOT NULL,
  version integer NOT NULL,
  ordinal integer NOT NULL,
  category_id bigint REFERENCES category,
  urgency urgency,
  region_id bigint REFERENCES region,
  first_level handling_unit_kind NOT NULL DEFAULT 'grid_group',
  first_unit_id bigint REFERENCES handling_unit,        -- a named unit, such as the lawful department
  assist_unit_ids bigint[] NOT NULL DEFAULT '{}',
  cluster_helps boolean NOT NULL DEFAULT false,
  accept_within_minutes integer NOT NULL CHECK (accept_within_minutes > 0),
  resolve_within_minutes integer,                       -- by the clock, for urgent matters
  resolve_within_days integer,                          -- working days
  PRIMARY KEY (county_id, version, ordinal),
  FOREIGN KEY (county_id, version) REFERENCES dispatch_rule_version,
  CHECK ((resolve_within_minutes IS NULL) <> (resolve_within_days IS NULL)),
  CHECK (resolve_within_days BETWEEN 1 AND 15),
  CHECK ((first_level = 'department') = (first_unit_id IS NOT NULL))
);
CALL append_only('dispatch_rule');

-- Only days that differ from the week: public holidays, and weekend days worked in exchange (调休).
CREATE TABLE calendar_day (
  county_id bigint NOT NULL REFERENCES region,
  day date NOT NULL,
  working boolean NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (county_id, day)
);
