-- Figures of the matters that came in at or after $3 and before $4, as the history before $2 tells them, one row a key
-- and one with the key '*' over all. $1 county, $5 a region with all below it or NULL, $6 a category's code with its
-- children or NULL, $7 what the keys are: region, category, unit, day or month. What each figure means: docs/FIGURES.md.
WITH county AS (
  SELECT time_zone AS zone FROM region WHERE id = $1
), matter AS MATERIALIZED (
  SELECT i.id, i.received_at, CASE $7::text
      -- The regions and categories one level below what is asked for.
      WHEN 'region' THEN (CASE WHEN coalesce($5::bigint, $1) = $1 THEN v.parent_id ELSE v.id END)::text
      WHEN 'category' THEN (CASE WHEN $6::text IS NULL THEN coalesce(c.parent_id, c.id) ELSE c.id END)::text
      WHEN 'day' THEN to_char(i.received_at AT TIME ZONE zone, 'YYYY-MM-DD')
      WHEN 'month' THEN to_char(i.received_at AT TIME ZONE zone, 'YYYY-MM')
    END AS key
  FROM incident i CROSS JOIN county
  JOIN category c ON c.id = i.category_id LEFT JOIN category p ON p.id = c.parent_id
  LEFT JOIN region v ON v.id = i.village_id
  WHERE i.county_id = $1 AND NOT i.restricted AND i.received_at >= $3 AND i.received_at < $4
    AND ($5 IS NULL OR $5 = $1 OR v.id = $5 OR v.parent_id = $5) AND ($6 IS NULL OR c.code = $6 OR p.code = $6)
)
