-- Why: a new county can dispatch from its first day: the common categories ($2 heads, $3 names, $4 admitted,
-- $5 departments, $6 restricted, $7 photos, one element a category), the general rules by urgency, and for what is no
-- village's work the county's own units.
WITH said AS (
  SELECT * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::boolean[], $7::boolean[])
    WITH ORDINALITY AS t(head, name, admitted, dept, restricted, photo, n)
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY head ORDER BY n) AS k, min(n) OVER (PARTITION BY head) AS h FROM said
), heads AS (
  INSERT INTO category (county_id, code, name, village_admitted, restricted)
  SELECT $1, lpad(row_number() OVER (ORDER BY min(n))::text, 2, '0'), head, bool_or(admitted), bool_and(restricted) FROM said GROUP BY head
  RETURNING id, code, name
), leaves AS (
  INSERT INTO category (county_id, code, parent_id, name, village_admitted, legal_dept, restricted, photo_needed)
  SELECT $1, d.code || lpad(x.k::text, 2, '0'), d.id, x.name, x.admitted, x.dept, x.restricted, x.photo
  FROM numbered x JOIN heads d ON d.name = x.head ORDER BY x.n
  RETURNING id, code, village_admitted, restricted
), version AS (
  INSERT INTO dispatch_rule_version (county_id, version, note) VALUES ($1, 1, '起始规则') RETURNING version
), times (urgency, accept, minutes, days) AS (
  VALUES ('ordinary'::urgency, 1440, NULL::integer, 3), ('hard', 1440, NULL, 7), ('urgent', 120, 1440, NULL)
), wanted AS (
  SELECT NULL::bigint AS category_id, NULL::text AS code, urgency, 'grid_group'::handling_unit_kind AS first_level, urgency = 'hard' AS cluster, accept, minutes, days FROM times
  UNION ALL
  SELECT l.id, l.code, t.urgency, CASE WHEN l.restricted THEN 'county_duty_officer' ELSE 'county_centre' END::handling_unit_kind,
         false, t.accept, t.minutes, t.days
  FROM leaves l CROSS JOIN times t WHERE l.restricted OR NOT l.village_admitted
)
INSERT INTO dispatch_rule (county_id, version, ordinal, category_id, urgency, first_level, cluster_helps, accept_within_minutes,
                           resolve_within_minutes, resolve_within_days)
SELECT $1, v.version, row_number() OVER (ORDER BY w.code NULLS FIRST, w.urgency), w.category_id, w.urgency, w.first_level, w.cluster,
       w.accept, w.minutes, w.days
FROM wanted w, version v;
