-- Why: the last wall. Whatever a statement of the request login forgets, it sees of households and matters only what is in
-- the scope its transaction has named; one that has named none sees nothing.

-- A list a transaction has set, as numbers.
CREATE FUNCTION asked_ids(setting text) RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(string_to_array(nullif(current_setting(setting, true), ''), ',')::bigint[], '{}')
$$;

DROP POLICY own_county ON household;
CREATE POLICY in_scope ON household TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint AND CASE (SELECT current_setting('yitu.people', true))
    WHEN 'all' THEN true
    WHEN 'part' THEN id = ANY ((SELECT asked_ids('yitu.households'))::bigint[])
      OR grid_id = ANY ((SELECT asked_ids('yitu.grids'))::bigint[])
      OR (grid_id IS NULL AND village_id = ANY ((SELECT asked_ids('yitu.regions'))::bigint[]))
    ELSE false END);

-- What belongs to a household is seen where it is.
DROP POLICY own_county ON member;
CREATE POLICY in_scope ON member TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint AND ((SELECT current_setting('yitu.people', true)) = 'all'
    OR EXISTS (SELECT FROM household h WHERE h.county_id = member.county_id AND h.id = member.household_id)));
DROP POLICY own_county ON household_link;
CREATE POLICY in_scope ON household_link TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint AND ((SELECT current_setting('yitu.people', true)) = 'all'
    OR EXISTS (SELECT FROM household h WHERE h.county_id = household_link.county_id AND h.id = household_link.household_id)));
-- Phones of those who act are for everybody who acts.
DROP POLICY own_county ON phone;
CREATE POLICY in_scope ON phone TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint AND ((SELECT current_setting('yitu.people', true)) = 'all'
    OR (household_id IS NULL AND (SELECT current_setting('yitu.matters', true)) IN ('every', 'all', 'part'))
    OR EXISTS (SELECT FROM household h WHERE h.county_id = phone.county_id AND h.id = phone.household_id)));

-- A matter is seen by its place, or by who answered for it or helped; one that is restricted by the latter alone. It may be
-- written wherever it turns out to be.
ALTER TABLE incident ADD COLUMN reported_by bigint REFERENCES account ON DELETE SET NULL;
CREATE INDEX incident_reported_by ON incident (reported_by) WHERE reported_by IS NOT NULL;
DROP POLICY own_county ON incident;
CREATE POLICY in_scope ON incident TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint AND CASE (SELECT current_setting('yitu.matters', true))
    WHEN 'every' THEN true
    WHEN 'all' THEN NOT restricted OR EXISTS (SELECT FROM assignment a WHERE a.county_id = incident.county_id AND a.incident_id = incident.id
      AND a.unit_id = ANY ((SELECT asked_ids('yitu.units'))::bigint[]))
    WHEN 'part' THEN EXISTS (SELECT FROM assignment a WHERE a.county_id = incident.county_id AND a.incident_id = incident.id
        AND a.unit_id = ANY ((SELECT asked_ids('yitu.units'))::bigint[]))
      OR (NOT restricted AND (grid_id = ANY ((SELECT asked_ids('yitu.grids'))::bigint[])
        OR village_id = ANY ((SELECT asked_ids('yitu.regions'))::bigint[])
        OR reported_by = nullif(current_setting('yitu.account_id', true), '')::bigint))
    ELSE false END)
  WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint);

-- What is told of a matter is seen where the matter is.
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['incident_history', 'dispatch_decision', 'incident_photo'] LOOP
    EXECUTE format('DROP POLICY own_county ON %I', t);
    EXECUTE format($p$CREATE POLICY in_scope ON %1$I TO yitu_request
      USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint
        AND ((SELECT current_setting('yitu.matters', true)) = 'every'
          OR EXISTS (SELECT FROM incident i WHERE i.county_id = %1$I.county_id AND i.id = %1$I.incident_id)))
      WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)$p$, t);
  END LOOP;
END $$;
