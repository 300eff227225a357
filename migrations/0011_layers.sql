-- Why: one view a layer, as the map and the feature interface know it: id, county_id, version, geom, then
-- properties under their public names. Views run with the rights of who asks, so row-level security holds.

-- The code a feature bears today; an index lookup.
CREATE INDEX code_alias_feature ON code_alias (feature_id, scheme);
CREATE FUNCTION code_today(of_feature bigint, of_scheme text, today date) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT code FROM code_alias WHERE feature_id = of_feature AND scheme = of_scheme AND valid_during @> today LIMIT 1
$$;

CREATE VIEW layer_region WITH (security_invoker = true) AS
SELECT r.id, r.county_id, r.version, r.geom,
       code_today(r.id, 'division', county_day(r.county_id)) AS code, r.name, r.level::text AS level, r.kind, r.parent_id
FROM region r;

CREATE VIEW layer_villager_group WITH (security_invoker = true) AS
SELECT g.id, g.county_id, g.version, g.geom, g.name, g.village_id, v.name AS village_name
FROM villager_group g JOIN region v ON v.id = g.village_id;

CREATE VIEW layer_settlement WITH (security_invoker = true) AS
SELECT s.id, s.county_id, s.version, s.geom, s.name, s.kind, s.village_id, v.name AS village_name
FROM settlement s JOIN region v ON v.id = s.village_id;

CREATE VIEW layer_grid WITH (security_invoker = true) AS
SELECT g.id, g.county_id, g.version, gv.geom,
       code_today(g.id, 'grid', d.today) AS code, gv.name, g.kind::text AS kind,
       g.village_id, code_today(g.village_id, 'division', d.today) AS village_code, v.name AS village_name,
       o.id AS group_id, o.name AS group_name, gv.id AS grid_version_id, lower(gv.valid_during) AS valid_from
FROM grid g
CROSS JOIN LATERAL (SELECT county_day(g.county_id) AS today) d
JOIN grid_version gv ON gv.grid_id = g.id AND gv.valid_during @> d.today AND upper_inf(gv.recorded_during)
JOIN region v ON v.id = g.village_id
LEFT JOIN grid_responsibility gr ON gr.grid_id = g.id AND gr.valid_during @> d.today
LEFT JOIN party_org o ON o.id = gr.org_id;

CREATE VIEW layer_party_org WITH (security_invoker = true) AS
SELECT o.id, o.county_id, o.version, NULL::geometry AS geom, o.name, o.kind::text AS kind, o.form::text AS form,
       o.parent_id, o.region_id, r.name AS region_name
FROM party_org o JOIN region r ON r.id = o.region_id;

CREATE VIEW layer_household WITH (security_invoker = true) AS
SELECT h.id, h.county_id, h.version, h.geom, h.number, h.head_name AS name, h.address, h.tags,
       h.village_id, h.villager_group_id, h.settlement_id, h.grid_id, h.grid_source::text AS grid_source, h.register_grid_id
FROM household h;

CREATE VIEW layer_responder WITH (security_invoker = true) AS
SELECT r.id, r.county_id, r.version, NULL::geometry AS geom, r.name, r.skills,
       (SELECT array_agg(DISTINCT a.role::text ORDER BY a.role::text) FROM appointment a
        WHERE a.responder_id = r.id AND a.valid_during @> county_day(r.county_id)) AS roles,
       (SELECT min(a.region_id) FROM appointment a
        WHERE a.responder_id = r.id AND a.valid_during @> county_day(r.county_id)) AS region_id
FROM responder r;

CREATE VIEW layer_venue WITH (security_invoker = true) AS
SELECT p.id, p.county_id, p.version, p.geom, p.name, p.kind::text AS kind, p.capacity, p.opening_hours,
       p.village_id, v.name AS village_name
FROM venue p JOIN region v ON v.id = p.village_id;

CREATE VIEW layer_cluster WITH (security_invoker = true) AS
SELECT c.id, c.county_id, c.version, m.geom, c.name, c.industries, m.villages, o.name AS committee_name
FROM cluster c
LEFT JOIN party_org o ON o.id = c.committee_org_id
LEFT JOIN LATERAL (
  SELECT ST_Multi(ST_Union(v.geom)) AS geom, count(*) AS villages
  FROM cluster_member k JOIN region v ON v.id = k.village_id
  WHERE k.cluster_id = c.id AND k.valid_during @> county_day(c.county_id)
) m ON true;

CREATE VIEW layer_bus_line WITH (security_invoker = true) AS
SELECT l.id, l.county_id, l.version, l.geom, l.name, l.number,
       (SELECT count(*) FROM bus_stop s WHERE s.line_id = l.id) AS stops
FROM bus_line l;

CREATE VIEW layer_road WITH (security_invoker = true) AS
SELECT r.id, r.county_id, r.version, r.geom, r.name, r.class::text AS class, r.speed_kmh::float8 AS speed_kmh,
       r.from_node, r.to_node
FROM road r;

CREATE VIEW layer_social_org WITH (security_invoker = true) AS
SELECT s.id, s.county_id, s.version, s.geom, s.name, s.kind, s.registered, s.region_id, r.name AS region_name
FROM social_org s JOIN region r ON r.id = s.region_id;

-- Restricted matters are on no map.
CREATE VIEW layer_incident WITH (security_invoker = true) AS
SELECT i.number AS id, i.county_id, i.version, i.geom, i.number, i.id AS incident_id, i.state::text AS state,
       c.code AS category, c.name AS category_name, i.urgency::text AS urgency,
       i.village_id, v.name AS village_name, i.grid_id, i.reported_at, i.next_deadline_at
FROM incident i
JOIN category c ON c.id = i.category_id
LEFT JOIN region v ON v.id = i.village_id
WHERE NOT i.restricted;

CREATE VIEW layer_water WITH (security_invoker = true) AS
SELECT id, county_id, version, geom, kind, name FROM water;
CREATE VIEW layer_land_use WITH (security_invoker = true) AS
SELECT id, county_id, version, geom, kind FROM land_use;
CREATE VIEW layer_building WITH (security_invoker = true) AS
SELECT id, county_id, version, geom, kind FROM building;

DO $$
DECLARE v text;
BEGIN
  FOR v IN SELECT viewname FROM pg_views WHERE schemaname = 'public' AND viewname LIKE 'layer\_%' LOOP
    EXECUTE format('GRANT SELECT ON %I TO yitu_request, yitu_system', v);
  END LOOP;
END $$;
