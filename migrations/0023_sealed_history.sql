-- Why: nobody rewrites the past unseen, and yet what is personal in it can be erased. What a row says in words, and a
-- person's name as its actor, enter its digest salted: without the salt nobody can tell from the digest what was said.
-- Rows are sealed once, in a chain of seals a county, which each server copies to a file outside the database.
ALTER TYPE incident_action ADD VALUE 'erase';

-- Who acts is held as a reference (responder:7, unit:3, the program itself) or by name; only names are personal.
CREATE FUNCTION is_reference(actor text) RETURNS boolean IMMUTABLE LANGUAGE sql
RETURN actor = '系统' OR actor ~ '^[a-z_]+:[0-9]+$';

ALTER TABLE incident_history
  ADD COLUMN salt bytea CHECK (length(salt) = 16),      -- NULL: the words were erased
  ADD COLUMN words_digest bytea CHECK (length(words_digest) = 32),
  ADD COLUMN seal_number bigint;                        -- NULL: not sealed yet

-- Rows from before get their salt, and their chains are computed anew: nothing has sealed them until now.
DROP TRIGGER append_only ON incident_history;
UPDATE incident_history SET salt = uuid_send(gen_random_uuid());
UPDATE incident_history SET words_digest = sha256(
  salt || convert_to(CASE WHEN is_reference(actor) THEN '' ELSE actor END, 'UTF8') || '\x00' || convert_to(note, 'UTF8'));
WITH RECURSIVE body AS (
  SELECT county_id, incident_id, ordinal, convert_to(
    '{"incident":' || to_json(incident_id) || ',"ordinal":' || ordinal || ',"action":' || to_json(action)
    || ',"actor":' || coalesce(to_json(CASE WHEN is_reference(actor) THEN actor END)::text, 'null')
    || ',"at":' || (extract(epoch FROM at) * 1000000)::bigint || ',"from_state":' || coalesce(to_json(from_state)::text, 'null')
    || ',"to_state":' || to_json(to_state) || ',"unit":' || coalesce(unit_id::text, 'null')
    || ',"responder":' || coalesce(responder_id::text, 'null') || ',"words":"' || encode(words_digest, 'hex')
    || '","detail":' || detail || '}', 'UTF8') AS json
  FROM incident_history
), chain AS (
  SELECT county_id, incident_id, ordinal, NULL::bytea AS previous, sha256(decode(repeat('00', 32), 'hex') || json) AS digest
  FROM body WHERE ordinal = 1
  UNION ALL
  SELECT b.county_id, b.incident_id, b.ordinal, c.digest, sha256(c.digest || b.json)
  FROM chain c JOIN body b ON (b.county_id, b.incident_id, b.ordinal) = (c.county_id, c.incident_id, c.ordinal + 1)
)
UPDATE incident_history h SET previous_digest = c.previous, digest = c.digest FROM chain c
WHERE (h.county_id, h.incident_id, h.ordinal) = (c.county_id, c.incident_id, c.ordinal);

-- References are checked now: a table with checks to come may not be altered.
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE incident_history ALTER COLUMN words_digest SET NOT NULL;
CREATE INDEX incident_history_seal ON incident_history (county_id, seal_number, id);

-- A row is sealed once and its words are erased once; nothing else of it ever changes.
CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE rest incident_history := NEW;
BEGIN
  IF OLD.seal_number IS NULL THEN rest.seal_number := NULL; END IF;
  IF NEW.salt IS NULL THEN
    rest.salt := OLD.salt;
    IF NEW.note IN ('', '已依法删除') THEN rest.note := OLD.note; END IF;
    IF NEW.actor = '已依法删除' AND NOT is_reference(OLD.actor) THEN rest.actor := OLD.actor; END IF;
  END IF;
  IF rest IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'incident_history is append-only' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_history BEFORE UPDATE ON incident_history FOR EACH ROW EXECUTE FUNCTION keep_history();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON incident_history
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE history_seal (
  county_id bigint NOT NULL REFERENCES region,
  number bigint NOT NULL CHECK (number >= 1),           -- within the county, without gaps
  sealed_at timestamptz NOT NULL,
  rows integer NOT NULL CHECK (rows >= 1),
  root bytea NOT NULL CHECK (length(root) = 32),        -- SHA-256 over the digests of its rows, by id
  previous bytea NOT NULL CHECK (length(previous) = 32),-- digest of the seal before; zeros for the first
  digest bytea NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (county_id, number)
);
CALL append_only('history_seal');
ALTER TABLE history_seal ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_county ON history_seal TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)
  WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint);
CREATE POLICY whole ON history_seal TO yitu_system USING (true) WITH CHECK (true);
GRANT SELECT ON history_seal TO yitu_request;
GRANT SELECT, INSERT ON history_seal TO yitu_system;
GRANT UPDATE (seal_number) ON incident_history TO yitu_system;
GRANT UPDATE (salt, actor, note) ON incident_history TO yitu_request;
