-- Why: whoever must learn of a matter's steps learns of them, crash or not. A step leaves a notification in the
-- transaction that writes it; the notification becomes a delivery for every receiver it concerns. And matters of other
-- systems come in under their own number and category.
CREATE TABLE webhook_receiver (
  county_id bigint NOT NULL REFERENCES region,
  id bigint NOT NULL DEFAULT nextval('feature_id'),
  name text NOT NULL CHECK (name <> ''),
  kind text NOT NULL CHECK (kind IN ('yitu', 'exchange', 'wecom', 'dingtalk', 'template')),
  origin text NOT NULL,                                 -- what is shown of its address, which may itself be a credential
  sealed bytea NOT NULL,                                -- address, secret and headers
  enabled boolean NOT NULL,
  timeout_ms integer NOT NULL CHECK (timeout_ms BETWEEN 1000 AND 60000),
  -- Which steps it is told; an empty list is all of them.
  actions text[] NOT NULL,
  urgencies text[] NOT NULL,
  categories text[] NOT NULL,
  regions bigint[] NOT NULL,
  units bigint[] NOT NULL,
  restricted boolean NOT NULL,                          -- whether it is told of restricted matters
  external_system text CHECK ((kind = 'exchange') = (external_system IS NOT NULL)),
  fields text[] NOT NULL,                               -- what it is told beyond the least
  method text NOT NULL,
  template text,
  expect text,                                          -- what an answer must hold to be taken as a success
  failures integer NOT NULL DEFAULT 0,                  -- in a row
  rests_until timestamptz,
  version integer NOT NULL DEFAULT 1,
  PRIMARY KEY (county_id, id),
  CONSTRAINT receiver_name_is_taken UNIQUE (county_id, name)
);

-- A step of an incident that is to be told, with what of the incident later steps change.
CREATE TABLE notification (
  county_id bigint NOT NULL,
  id uuid NOT NULL,                                     -- carried by all attempts
  incident_id uuid NOT NULL,                            -- no reference: it is written from the incident's row
  ordinal integer NOT NULL,                             -- of the history row
  unit_id bigint NOT NULL,
  accept_by timestamptz,
  resolve_by timestamptz,
  next_deadline_at timestamptz,
  spread_at timestamptz,                                -- when it became deliveries
  PRIMARY KEY (county_id, id)
);
-- An incident's earlier steps come first.
CREATE INDEX notification_waiting ON notification (ordinal, id) WHERE spread_at IS NULL;
CREATE INDEX notification_spread ON notification (spread_at);

CREATE TABLE delivery (
  county_id bigint NOT NULL,
  notification_id uuid NOT NULL,
  receiver_id bigint NOT NULL,
  incident_id uuid NOT NULL,
  ordinal integer NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts integer NOT NULL DEFAULT 0,                  -- counted before each is made
  give_up_after integer NOT NULL,
  since timestamptz NOT NULL,
  due_at timestamptz NOT NULL,                          -- the next attempt; while one is under way, when it counts as lost
  attempted_at timestamptz,
  ended_at timestamptz,
  status integer,                                       -- of the last answer
  took_ms integer,
  fault text,
  PRIMARY KEY (county_id, notification_id, receiver_id),
  FOREIGN KEY (county_id, notification_id) REFERENCES notification ON DELETE CASCADE,
  FOREIGN KEY (county_id, receiver_id) REFERENCES webhook_receiver ON DELETE CASCADE,
  CHECK ((state = 'pending') = (ended_at IS NULL))
);
CREATE INDEX delivery_due ON delivery (county_id, receiver_id, due_at) WHERE state = 'pending';
CREATE INDEX delivery_order ON delivery (county_id, receiver_id, incident_id, ordinal) WHERE state = 'pending';
CREATE INDEX delivery_old ON delivery (since) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (county_id, receiver_id) WHERE state = 'dead';
CREATE INDEX delivery_done ON delivery (ended_at) WHERE state = 'delivered';
CREATE INDEX delivery_incident ON delivery (county_id, incident_id);

-- What another system calls a matter, and what we call it.
CREATE TABLE exchange_category (
  county_id bigint NOT NULL REFERENCES region,
  system text NOT NULL,
  code text NOT NULL,
  category text NOT NULL,
  PRIMARY KEY (county_id, system, code)
);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['webhook_receiver', 'notification', 'delivery', 'exchange_category'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY own_county ON %I TO yitu_request
      USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)
      WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)$p$, t);
    EXECUTE format('CREATE POLICY whole ON %I TO yitu_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_receiver, exchange_category TO yitu_request;
GRANT SELECT, INSERT ON notification TO yitu_request;
GRANT SELECT, UPDATE ON delivery TO yitu_request;
GRANT SELECT, UPDATE ON webhook_receiver TO yitu_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON notification, delivery TO yitu_system;
