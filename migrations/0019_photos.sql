-- Why: photos of incidents, as evidence. What was once shown stays as a row with its digest, which the incident's
-- history covers; only an upload that came to nothing may be forgotten.
ALTER TYPE incident_action ADD VALUE 'photo';

CREATE TYPE photo_state AS ENUM ('receiving', 'ready', 'refused', 'withdrawn');
CREATE TYPE photo_kind AS ENUM ('scene', 'outcome');

CREATE TABLE incident_photo (
  county_id bigint NOT NULL,
  id uuid NOT NULL,                                     -- made by the client: a repeat is the same photo
  incident_id uuid NOT NULL,
  state photo_state NOT NULL DEFAULT 'receiving',
  kind photo_kind NOT NULL,
  caption text NOT NULL DEFAULT '' CHECK (length(caption) <= 200),
  taken_at timestamptz,                                 -- the client's clock
  uploaded_by text NOT NULL CHECK (uploaded_by <> ''),
  announced_at timestamptz NOT NULL,
  sent_bytes bigint NOT NULL CHECK (sent_bytes > 0),    -- of the file as the client sends it
  refusal text,
  -- Of the picture as it is kept:
  uploaded_at timestamptz,
  media_type text NOT NULL DEFAULT 'image/jpeg',
  width integer CHECK (width > 0),
  height integer CHECK (height > 0),
  bytes bigint CHECK (bytes > 0),
  sha256 bytea CHECK (length(sha256) = 32),
  withdrawn_at timestamptz,
  withdrawn_by text,
  withdrawn_reason text CHECK (withdrawn_reason <> ''),
  erased_at timestamptz,                                -- when its files were gone from the store
  PRIMARY KEY (county_id, id),
  FOREIGN KEY (county_id, incident_id) REFERENCES incident,
  CHECK ((state = 'refused') = (refusal IS NOT NULL)),
  CONSTRAINT what_was_ready_has_its_digest CHECK ((state IN ('ready', 'withdrawn'))
    = (num_nulls(uploaded_at, width, height, bytes, sha256) = 0)),
  CHECK ((state = 'withdrawn') = (num_nulls(withdrawn_at, withdrawn_by, withdrawn_reason) = 0)),
  CHECK (erased_at IS NULL OR state = 'withdrawn')
);
CREATE INDEX incident_photo_incident ON incident_photo (county_id, incident_id);
CREATE INDEX incident_photo_unfinished ON incident_photo (announced_at) WHERE state IN ('receiving', 'refused');
CREATE INDEX incident_photo_to_erase ON incident_photo (withdrawn_at) WHERE state = 'withdrawn' AND erased_at IS NULL;

CREATE TRIGGER evidence_is_never_deleted BEFORE DELETE ON incident_photo FOR EACH ROW
  WHEN (OLD.state IN ('ready', 'withdrawn')) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON incident_photo FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE incident_photo ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_county ON incident_photo TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)
  WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint);
CREATE POLICY whole ON incident_photo TO yitu_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON incident_photo TO yitu_request, yitu_system;
