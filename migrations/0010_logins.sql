-- Why: least privilege from the start. The request login sees only the county its transaction has named;
-- the system login feeds the atlas and runs the timers; neither may change the schema.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO yitu_request, yitu_system;

DO $$
DECLARE t regclass;
BEGIN
  FOR t IN
    SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r'
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'county_id' AND NOT a.attisdropped)
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY own_county ON %s TO yitu_request
      USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)
      WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)$p$, t);
    EXECUTE format('CREATE POLICY whole ON %s TO yitu_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO yitu_request', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %s TO yitu_system', t);
  END LOOP;
END $$;

-- The ledgers only grow, whoever writes them; the change log is trimmed by the system alone.
REVOKE UPDATE, DELETE ON incident_history, dispatch_decision FROM yitu_request, yitu_system;
REVOKE DELETE ON incident, assignment, region, grid, grid_version FROM yitu_request;
REVOKE UPDATE, DELETE ON change_log FROM yitu_request;
GRANT DELETE ON change_log TO yitu_system;
GRANT SELECT ON log_epoch, change_log_floor, village_draw_turn TO yitu_request, yitu_system;
GRANT UPDATE ON change_log_floor TO yitu_system;
GRANT INSERT, UPDATE ON village_draw_turn TO yitu_request, yitu_system;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO yitu_request, yitu_system;
