-- Why: the promise that no acknowledged incident is lost or owned twice, kept by the database itself.
CREATE TYPE incident_state AS ENUM
  ('pending_location', 'pending_dispatch', 'pending_accept', 'in_progress', 'pending_check', 'deliberating',
   'suspended', 'closed', 'cancelled');
CREATE TYPE location_source AS ENUM ('gps', 'map', 'household', 'text');
CREATE TYPE incident_action AS ENUM
  ('report', 'dispatch', 'resolve_on_spot', 'accept', 'return', 'transfer', 'resolve', 'check', 'extend', 'suspend', 'nudge',
   'supervise', 'whistle', 'deliberate', 'merge', 'cancel', 'rate', 'escalate', 'comment');
CREATE TYPE assignment_role AS ENUM ('owner', 'helper');

CREATE SEQUENCE incident_number AS bigint MAXVALUE 9007199254740991;

CREATE TABLE incident (
  county_id bigint NOT NULL REFERENCES region,
  id uuid NOT NULL,                                     -- made by the client: a retry is the same incident
  number bigint NOT NULL DEFAULT nextval('incident_number'),  -- for people and tiles; gaps are allowed
  state incident_state NOT NULL,
  category_id bigint NOT NULL,
  restricted boolean NOT NULL,                          -- as the category was when it was reported
  urgency urgency NOT NULL,
  description text NOT NULL CHECK (length(description) <= 4000),
  location_source location_source NOT NULL,
  geom geometry(Point, 4490),
  accuracy_m double precision CHECK (accuracy_m >= 0),
  confidence double precision CHECK (confidence > 0 AND confidence < 1),
  household_id bigint,
  location_text text NOT NULL DEFAULT '',
  village_id bigint,
  grid_id bigint REFERENCES grid,
  grid_version_id bigint REFERENCES grid_version,
  reporter jsonb NOT NULL DEFAULT '{}',
  reported_at timestamptz NOT NULL,                     -- the client's clock
  received_at timestamptz NOT NULL,                     -- ours
  current_assignment_id bigint NOT NULL,
  next_deadline_at timestamptz,
  accept_by timestamptz,
  resolve_by timestamptz,
  resolved_at timestamptz,
  resolved_by text,
  closed_at timestamptz,
  on_the_spot boolean NOT NULL DEFAULT false,
  external_system text,
  external_no text,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (county_id, id),
  UNIQUE (county_id, number),
  UNIQUE (county_id, external_system, external_no),
  FOREIGN KEY (county_id, category_id) REFERENCES category (county_id, id),
  FOREIGN KEY (county_id, household_id) REFERENCES household (county_id, id),
  FOREIGN KEY (county_id, village_id) REFERENCES region (county_id, id),
  CONSTRAINT open_incident_has_a_deadline CHECK ((state IN ('closed', 'cancelled')) = (next_deadline_at IS NULL)),
  CONSTRAINT ended_incident_has_its_instant CHECK ((state IN ('closed', 'cancelled')) = (closed_at IS NOT NULL)),
  CHECK ((external_system IS NULL) = (external_no IS NULL))
);
CREATE INDEX incident_open ON incident (county_id, next_deadline_at) WHERE next_deadline_at IS NOT NULL;
CREATE INDEX incident_reported ON incident (county_id, reported_at DESC, id);
CREATE INDEX incident_village ON incident (county_id, village_id, state);
CALL follow_changes('incident', 'incident', 'number');
CALL count_versions('incident');

CREATE TABLE assignment (
  county_id bigint NOT NULL,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  incident_id uuid NOT NULL,
  role assignment_role NOT NULL,
  unit_id bigint NOT NULL REFERENCES handling_unit,
  responder_id bigint REFERENCES responder,
  provisional boolean NOT NULL DEFAULT false,
  accept_by timestamptz,
  accepted_at timestamptz,
  started_at timestamptz NOT NULL,
  ended_at timestamptz CHECK (ended_at >= started_at),
  PRIMARY KEY (county_id, id),
  UNIQUE (county_id, id, incident_id),
  FOREIGN KEY (county_id, incident_id) REFERENCES incident DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX one_live_owner ON assignment (county_id, incident_id) WHERE role = 'owner' AND ended_at IS NULL;
CREATE INDEX assignment_incident ON assignment (county_id, incident_id);
CREATE INDEX assignment_live_responder ON assignment (responder_id) WHERE ended_at IS NULL;
CREATE INDEX assignment_live_unit ON assignment (unit_id) WHERE ended_at IS NULL;

ALTER TABLE incident ADD CONSTRAINT incident_current_assignment
  FOREIGN KEY (county_id, current_assignment_id, id) REFERENCES assignment (county_id, id, incident_id)
  DEFERRABLE INITIALLY DEFERRED;

-- At commit an open incident's current assignment is its live owner, an ended incident has none.
CREATE FUNCTION check_live_owner() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  subject uuid;
  found_state incident_state;
  current_id bigint;
  owner_id bigint;
BEGIN
  -- Two branches, since a record is asked only for the columns of the branch that runs.
  IF TG_TABLE_NAME = 'incident' THEN subject := NEW.id; ELSE subject := NEW.incident_id; END IF;
  SELECT state, current_assignment_id INTO found_state, current_id FROM incident
  WHERE county_id = NEW.county_id AND id = subject;
  SELECT id INTO owner_id FROM assignment
  WHERE county_id = NEW.county_id AND incident_id = subject AND role = 'owner' AND ended_at IS NULL;
  IF found_state IN ('closed', 'cancelled') THEN
    IF owner_id IS NOT NULL THEN
      RAISE EXCEPTION 'incident % is % but still has a live owner', subject, found_state
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ended_incident_has_no_live_owner';
    END IF;
  ELSIF owner_id IS DISTINCT FROM current_id THEN
    RAISE EXCEPTION 'incident % is % without exactly one live owner', subject, found_state
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'open_incident_has_a_live_owner';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER incident_has_live_owner AFTER INSERT OR UPDATE ON incident
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_live_owner();
CREATE CONSTRAINT TRIGGER assignment_keeps_live_owner AFTER INSERT OR UPDATE ON assignment
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_live_owner();

-- Incidents and assignments end; they are never deleted.
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON incident FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON assignment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE incident_history (
  county_id bigint NOT NULL,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  incident_id uuid NOT NULL,
  ordinal integer NOT NULL CHECK (ordinal >= 1),        -- within the incident, without gaps
  action incident_action NOT NULL,
  actor text NOT NULL CHECK (actor <> ''),
  at timestamptz NOT NULL,
  from_version integer NOT NULL,
  from_state incident_state,
  to_state incident_state NOT NULL,
  unit_id bigint REFERENCES handling_unit,
  responder_id bigint REFERENCES responder,
  note text NOT NULL DEFAULT '',
  detail jsonb NOT NULL DEFAULT '{}',
  previous_digest bytea,                                -- SHA-256 of the row before; NULL for the first
  digest bytea NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (county_id, id),
  UNIQUE (county_id, incident_id, ordinal),
  FOREIGN KEY (county_id, incident_id) REFERENCES incident DEFERRABLE INITIALLY DEFERRED,
  CHECK ((ordinal = 1) = (previous_digest IS NULL))
);
CALL append_only('incident_history');

-- The decision whole, so that it can be explained and replayed.
CREATE TABLE dispatch_decision (
  county_id bigint NOT NULL,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  incident_id uuid NOT NULL,
  decided_at timestamptz NOT NULL,
  algorithm_version integer NOT NULL,
  rule_version integer NOT NULL,
  inputs jsonb NOT NULL,
  outcome jsonb NOT NULL,
  explanation text NOT NULL,
  PRIMARY KEY (county_id, id),
  FOREIGN KEY (county_id, incident_id) REFERENCES incident DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (county_id, rule_version) REFERENCES dispatch_rule_version
);
CREATE INDEX dispatch_decision_incident ON dispatch_decision (county_id, incident_id);
CALL append_only('dispatch_decision');
