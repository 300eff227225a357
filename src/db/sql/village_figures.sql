-- One object a village: members and incident figures. Villages without either are absent; matters of no village are
-- the county's. Restricted matters are in none of it. $1 is the instant.
WITH d AS MATERIALIZED (
  SELECT id AS county_id, time_zone, county_day(id, $1) AS today FROM region WHERE level = 'county'
), m AS (
  SELECT h.village_id, count(*) AS members FROM member x
  JOIN household h ON h.county_id = x.county_id AND h.id = x.household_id GROUP BY 1
), i AS (
  SELECT coalesce(village_id, county_id) AS village_id,
    count(*) FILTER (WHERE next_deadline_at IS NOT NULL) AS open,
    count(*) FILTER (WHERE next_deadline_at < $1 OR next_deadline_at IS NOT NULL AND overdue_since IS NOT NULL) AS overdue,
    count(*) FILTER (WHERE (reported_at AT TIME ZONE time_zone)::date = today) AS today,
    count(*) FILTER (WHERE state = 'closed' AND closed_at > $1::timestamptz - interval '30 days') AS closed_30d,
    count(*) FILTER (WHERE state = 'closed' AND closed_at > $1::timestamptz - interval '30 days'
                       AND (resolve_by IS NULL OR coalesce(resolved_at, closed_at) <= resolve_by)) AS on_time_30d
  FROM incident i JOIN d USING (county_id) WHERE NOT restricted GROUP BY 1
), s AS (
  SELECT village_id, jsonb_object_agg(state, n) AS by_state
  FROM (SELECT coalesce(village_id, county_id) AS village_id, state::text, count(*) AS n FROM incident WHERE next_deadline_at IS NOT NULL AND NOT restricted GROUP BY 1, 2) x GROUP BY 1
), k AS (
  SELECT village_id, jsonb_object_agg(code, jsonb_build_object('name', name, 'open', n)) AS by_category
  FROM (SELECT coalesce(i.village_id, i.county_id) AS village_id, c.code, c.name, count(*) AS n FROM incident i JOIN category c ON c.id = i.category_id
        WHERE i.next_deadline_at IS NOT NULL AND NOT i.restricted GROUP BY 1, 2, 3) x GROUP BY 1
), r AS (
  SELECT a.region_id AS village_id, count(DISTINCT a.responder_id) AS responders FROM appointment a
  JOIN d USING (county_id) WHERE a.valid_during @> d.today GROUP BY 1
), o AS (
  SELECT region_id AS village_id, count(*) AS groups FROM party_org WHERE kind = 'grid_group' GROUP BY 1
)
SELECT coalesce(jsonb_object_agg(village_id,
  jsonb_build_object('members', coalesce(members, 0), 'open', coalesce(open, 0), 'overdue', coalesce(overdue, 0),
    'today', coalesce(today, 0), 'closed_30d', coalesce(closed_30d, 0), 'on_time_30d', coalesce(on_time_30d, 0),
    'by_state', coalesce(by_state, '{}'), 'by_category', coalesce(by_category, '{}'),
    'responders', coalesce(responders, 0), 'groups', coalesce(groups, 0))), '{}')
FROM m FULL JOIN i USING (village_id) FULL JOIN s USING (village_id) FULL JOIN k USING (village_id)
  FULL JOIN r USING (village_id) FULL JOIN o USING (village_id)
