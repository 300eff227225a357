-- Where a reader stands now, and the features whose present state it must read again: those logged by
-- transactions its last snapshot did not see ($1: its xmax, $2: those that were running), and those of other
-- layers that show a part of them.
WITH changed AS (
  SELECT DISTINCT layer, feature_id AS id FROM change_log
  WHERE xid >= $1::text::xid8 OR xid = ANY ($2::text[]::xid8[])
), region_changed AS (SELECT id FROM changed WHERE layer = 'region'),
org_changed AS (SELECT id FROM changed WHERE layer = 'party_org'),
to_read AS (
SELECT layer, id FROM changed
-- A group's name is on its grids, a committee's on its cluster.
UNION SELECT 'grid', r.grid_id FROM grid_responsibility r JOIN org_changed o ON o.id = r.org_id
UNION SELECT 'cluster', c.id FROM cluster c JOIN org_changed o ON o.id = c.committee_org_id
-- A village's name and code are on what lies in it, its area is part of its clusters.
UNION SELECT 'grid', g.id FROM grid g JOIN region_changed r ON r.id = g.village_id
UNION SELECT 'villager_group', g.id FROM villager_group g JOIN region_changed r ON r.id = g.village_id
UNION SELECT 'settlement', s.id FROM settlement s JOIN region_changed r ON r.id = s.village_id
UNION SELECT 'venue', v.id FROM venue v JOIN region_changed r ON r.id = v.village_id
UNION SELECT 'incident', i.number FROM incident i JOIN region_changed r ON r.id = i.village_id
UNION SELECT 'party_org', o.id FROM party_org o JOIN region_changed r ON r.id = o.region_id
UNION SELECT 'social_org', s.id FROM social_org s JOIN region_changed r ON r.id = s.region_id
UNION SELECT 'cluster', m.cluster_id FROM cluster_member m JOIN region_changed r ON r.id = m.village_id
-- A category's name is on its incidents.
UNION SELECT 'incident', i.number FROM incident i JOIN changed c ON c.layer = 'category' AND c.id = i.category_id
)
SELECT epoch, pg_current_snapshot()::text AS snapshot, trimmed_to::text,
       coalesce((SELECT string_agg(id || ':' || county_day(id), ',' ORDER BY id) FROM region WHERE level = 'county'), '') AS days,
       (SELECT max(version) FROM _sqlx_migrations) AS schema,
       layers, ids
FROM log_epoch, change_log_floor,
     (SELECT coalesce(array_agg(layer), '{}') AS layers, coalesce(array_agg(id), '{}') AS ids FROM to_read) AS all_to_read;
