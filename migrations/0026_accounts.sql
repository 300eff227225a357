-- Why: who may sign in, as what, for which part of the county and until when; what they sign in with; and a log of
-- its own, chained by hashes, of who signed in, looked at personal data, took it away, or was refused.
CREATE TYPE account_role AS ENUM
  ('county_leader', 'duty_officer', 'township_staff', 'village_cadre', 'grid_worker', 'responder', 'department',
   'wall', 'gis_client', 'system_admin', 'security_admin', 'auditor');

CREATE TABLE account (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{1,39}$'),
  display_name text NOT NULL CHECK (display_name <> ''),
  role account_role,                                    -- NULL until a security administrator gives one
  responder_id bigint REFERENCES responder ON DELETE SET NULL,
  unit_id bigint REFERENCES handling_unit,              -- the unit acted for, beside those of the appointments
  password_hash text,                                   -- PHC string, argon2id; NULL: no password
  password_expires boolean NOT NULL DEFAULT false,      -- set by somebody else: to be changed before anything else
  totp_sealed bytea,                                    -- the second factor's secret, sealed with the county's key
  totp_confirmed boolean NOT NULL DEFAULT false,
  totp_step bigint NOT NULL DEFAULT 0,                  -- the last step used: no code serves twice
  issuer text,                                          -- who vouches for the account, by OpenID Connect
  subject text,
  is_demo boolean NOT NULL DEFAULT false,               -- with a password that everybody knows
  disabled_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (issuer, subject),
  CHECK ((issuer IS NULL) = (subject IS NULL))
);
CALL count_versions('account');

-- A part of the county, until an instant where it is for a time.
CREATE TABLE access_grant (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
  region_id bigint,
  grid_id bigint REFERENCES grid,
  in_full boolean NOT NULL DEFAULT false,               -- names and addresses too
  reason text NOT NULL DEFAULT '',
  granted_by text NOT NULL CHECK (granted_by <> ''),
  during tstzrange NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during)),
  FOREIGN KEY (county_id, region_id) REFERENCES region (county_id, id),
  CHECK ((region_id IS NULL) <> (grid_id IS NULL)),
  -- What goes beyond the everyday has a reason and an end.
  CHECK (upper_inf(during) OR reason <> ''),
  CHECK (NOT in_full OR NOT upper_inf(during))
);
CREATE INDEX access_grant_account ON access_grant (account_id);

-- What a request is made with: a browser's session, a program's token, a wall's. Only the digest is kept.
CREATE TYPE credential_kind AS ENUM ('session', 'token', 'display');
CREATE TABLE credential (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
  kind credential_kind NOT NULL,
  name text NOT NULL DEFAULT '',
  digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of 256 random bits
  may_write boolean NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  CHECK (kind <> 'display' OR NOT may_write)
);
CREATE INDEX credential_account ON credential (account_id);

CREATE TABLE audit_event (
  county_id bigint NOT NULL,
  number bigint NOT NULL,                               -- without gaps
  at timestamptz NOT NULL,
  account_id bigint,                                    -- NULL: nobody, or the program
  actor text NOT NULL,
  role text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL DEFAULT '',                     -- what it was done to, as household:123
  reason text NOT NULL DEFAULT '',
  detail jsonb NOT NULL DEFAULT '{}',
  origin text NOT NULL DEFAULT '',                      -- the address it came from
  previous_digest bytea,
  digest bytea NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (county_id, number),
  CHECK ((number = 1) = (previous_digest IS NULL))
);
CREATE INDEX audit_event_at ON audit_event (county_id, at);
CREATE INDEX audit_event_account ON audit_event (county_id, account_id, at);
CALL append_only('audit_event');

-- Where a county's log ends; taking its row puts writers in line.
CREATE TABLE audit_end (
  county_id bigint PRIMARY KEY,
  number bigint NOT NULL,
  digest bytea
);

-- Of a row, whatever is in it: fields by their lengths, so that no two rows read alike.
CREATE FUNCTION audit_digest(e audit_event) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(coalesce(e.previous_digest, ''::bytea) || convert_to(string_agg(length(field) || ':' || field, ',' ORDER BY at), 'UTF8'))
  FROM unnest(ARRAY[e.county_id::text, e.number::text, (extract(epoch FROM e.at) * 1000000)::bigint::text,
      coalesce(e.account_id::text, ''), e.actor, e.role, e.action, e.subject, e.reason, e.detail::text, e.origin])
    WITH ORDINALITY AS fields(field, at)
$$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['account', 'access_grant', 'credential', 'audit_event', 'audit_end'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY whole ON %I TO yitu_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON account, access_grant, credential, audit_end TO yitu_system;
GRANT INSERT ON audit_event TO yitu_system;
-- Nobody but an auditor reads the log; the program that writes it does not.
CREATE POLICY auditors ON audit_event FOR SELECT TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint
    AND current_setting('yitu.role', true) = 'auditor');
GRANT SELECT ON audit_event TO yitu_request;
