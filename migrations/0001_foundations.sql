-- Why: what every later table stands on: extensions, the two lesser logins, feature ids, the county's
-- calendar day, the change log and the triggers that feed it.
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Roles belong to the whole server, so another database on it may have made them already. They may log
-- in only where the operator (or Yitu's own server) lets them; without that, Yitu assumes them by SET ROLE.
DO $$ BEGIN
  CREATE ROLE yitu_request LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN
  CREATE ROLE yitu_system LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN
  EXECUTE format('GRANT yitu_request, yitu_system TO %I', current_user);
EXCEPTION WHEN OTHERS THEN NULL; END $$;

-- Permanent ids of all features come from one sequence: an id names one thing, whatever its layer.
-- They stay below 2^53, since they are vector-tile feature ids and JavaScript reads them.
CREATE SEQUENCE feature_id AS bigint MINVALUE 1 MAXVALUE 9007199254740991;

-- One row: the life of this database as its readers know it. A restored backup writes a new epoch, so
-- that no cache or stream goes on with what the restore took back.
CREATE TABLE log_epoch (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch uuid NOT NULL DEFAULT gen_random_uuid(),
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO log_epoch DEFAULT VALUES;

-- What changed, written in the transaction that changed it. Readers ask by xid, never by seq: seq is
-- handed out before commit and says nothing of order.
CREATE TABLE change_log (
  county_id bigint NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  layer text NOT NULL,
  feature_id bigint NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (county_id, seq)
);
CREATE INDEX change_log_xid ON change_log (xid);
CREATE INDEX change_log_changed_at ON change_log (changed_at);

-- The oldest snapshot from which the log is still complete: a reader that stands before it reloads all.
CREATE TABLE change_log_floor (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  trimmed_to xid8 NOT NULL DEFAULT '0'
);
INSERT INTO change_log_floor DEFAULT VALUES;

-- Statement triggers with transition tables: one insert a statement, so that a bulk load pays little.
-- TG_ARGV[0] is the layer, TG_ARGV[1] the column that holds the feature's id.
CREATE FUNCTION log_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO change_log (county_id, layer, feature_id)
                  SELECT DISTINCT county_id, %L, %I FROM new_rows WHERE %2$I IS NOT NULL', TG_ARGV[0], TG_ARGV[1]);
  RETURN NULL;
END $$;
CREATE FUNCTION log_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO change_log (county_id, layer, feature_id)
                  SELECT DISTINCT county_id, %L, %I FROM old_rows WHERE %2$I IS NOT NULL', TG_ARGV[0], TG_ARGV[1]);
  RETURN NULL;
END $$;
CREATE FUNCTION log_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO change_log (county_id, layer, feature_id)
                  SELECT county_id, %L, %I FROM new_rows WHERE %2$I IS NOT NULL
                  UNION SELECT county_id, %1$L, %2$I FROM old_rows WHERE %2$I IS NOT NULL', TG_ARGV[0], TG_ARGV[1]);
  RETURN NULL;
END $$;

-- Puts the three triggers on a table.
CREATE PROCEDURE follow_changes(source regclass, layer text, id_column text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER log_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
                  FOR EACH STATEMENT EXECUTE FUNCTION log_inserted(%L, %L)', source, layer, id_column);
  EXECUTE format('CREATE TRIGGER log_updated AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                  FOR EACH STATEMENT EXECUTE FUNCTION log_updated(%L, %L)', source, layer, id_column);
  EXECUTE format('CREATE TRIGGER log_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
                  FOR EACH STATEMENT EXECUTE FUNCTION log_deleted(%L, %L)', source, layer, id_column);
END $$;

-- Features are edited under an optimistic lock: each update moves the version on by one.
CREATE FUNCTION advance_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE PROCEDURE count_versions(source regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER advance_version BEFORE UPDATE ON %s
                  FOR EACH ROW EXECUTE FUNCTION advance_version()', source);
END $$;

-- Rows that only ever grow: history, decisions.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE PROCEDURE append_only(source regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', source);
END $$;
