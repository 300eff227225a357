-- Why: the map is introduced by its county's 审图号 and told in its time zone.
CREATE OR REPLACE VIEW layer_region WITH (security_invoker = true) AS
SELECT r.id, r.county_id, r.version, r.geom,
       code_today(r.id, 'division', county_day(r.county_id)) AS code, r.name, r.level::text AS level, r.kind, r.parent_id,
       r.time_zone, r.map_review_no
FROM region r;
