, fact AS (
  SELECT s.*, CASE WHEN $7 = 'unit' THEN s.unit_id::text ELSE m.key END AS key, m.received_at
  FROM matter m JOIN standing s USING (id)
), counted AS (
  SELECT CASE WHEN grouping(key) = 1 THEN '*' ELSE coalesce(key, '') END AS key,
    count(*) AS reported,
    count(*) FILTER (WHERE state = 'cancelled' AND NOT merged) AS cancelled,
    count(*) FILTER (WHERE state = 'cancelled' AND merged) AS merged,
    count(*) FILTER (WHERE open) AS open,
    count(*) FILTER (WHERE overdue) AS overdue,
    count(*) FILTER (WHERE state = 'closed') AS closed,
    count(*) FILTER (WHERE state = 'closed' AND done_how = 'resolve_on_spot') AS on_the_spot,
    count(*) FILTER (WHERE state = 'closed' AND done_limit IS NOT NULL) AS timed,
    count(*) FILTER (WHERE state = 'closed' AND done_at <= done_limit) AS on_time,
    coalesce(sum(checks), 0)::bigint AS checks,
    coalesce(sum(checks_failed), 0)::bigint AS checks_failed,
    count(*) FILTER (WHERE extended) AS extended,
    count(accepted_at) AS signed,
    (avg(extract(epoch FROM accepted_at - received_at)) / 60)::float8 AS sign_minutes_mean,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM accepted_at - received_at)::float8) / 60 AS sign_minutes_median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM accepted_at - received_at)::float8) / 60 AS sign_minutes_p90
  FROM fact GROUP BY GROUPING SETS ((key), ())
), named AS (
  SELECT id::text AS key, code_today(id, 'division', county_day($1, $2)) AS code, name FROM region
  WHERE $7 = 'region' AND county_id = $1 AND (parent_id = coalesce($5, $1) OR id = $5 AND level = 'village')
  UNION ALL
  SELECT c.id::text, c.code, c.name FROM category c LEFT JOIN category p ON p.id = c.parent_id
  WHERE $7 = 'category' AND c.county_id = $1 AND (c.id::text IN (SELECT key FROM counted)
    OR CASE WHEN $6 IS NULL THEN c.parent_id IS NULL ELSE $6 IN (c.code, p.code) AND c.parent_id IS NOT NULL END
      AND NOT c.restricted AND c.valid_during @> county_day($1, $2))
  UNION ALL
  SELECT id::text, NULL, name FROM handling_unit WHERE $7 = 'unit' AND id::text IN (SELECT key FROM counted)
  UNION ALL
  SELECT to_char(day, 'YYYY-MM-DD'), NULL, to_char(day, 'YYYY-MM-DD') FROM county, generate_series(
    $3 AT TIME ZONE zone, $4 AT TIME ZONE zone - interval '1 second', interval '1 day') day WHERE $7 = 'day'
  UNION ALL
  SELECT to_char(day, 'YYYY-MM'), NULL, to_char(day, 'YYYY-MM') FROM county, generate_series(
    date_trunc('month', $3 AT TIME ZONE zone), $4 AT TIME ZONE zone - interval '1 second', interval '1 month') day WHERE $7 = 'month'
)
SELECT key, n.code, n.name, coalesce(reported, 0) AS reported, coalesce(cancelled, 0) AS cancelled, coalesce(merged, 0) AS merged,
  coalesce(open, 0) AS open, coalesce(overdue, 0) AS overdue, coalesce(closed, 0) AS closed, coalesce(on_the_spot, 0) AS on_the_spot,
  coalesce(timed, 0) AS timed, coalesce(on_time, 0) AS on_time, coalesce(checks, 0) AS checks,
  coalesce(checks_failed, 0) AS checks_failed, coalesce(extended, 0) AS extended, coalesce(signed, 0) AS signed,
  sign_minutes_mean, sign_minutes_median, sign_minutes_p90
FROM counted FULL JOIN named n USING (key)
-- The sum first, what has no key last.
ORDER BY key <> '*', key = '', n.code, n.name, key
