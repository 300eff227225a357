-- Why: 联户帮办 against its target; a person counts once, by the highest role. Targets, not limits.
WITH target AS (
  SELECT a.responder_id, max(t.households) AS households, min(a.region_id) AS region_id
  FROM appointment a JOIN link_target t ON t.county_id = a.county_id AND t.role = a.role
  WHERE a.county_id = $1 AND a.valid_during @> $2 GROUP BY a.responder_id
), linked AS (
  SELECT responder_id, count(*) AS households FROM household_link WHERE county_id = $1 AND valid_during @> $2 GROUP BY responder_id
)
SELECT format('%s“%s”联系 %s 户,比目标 %s 户少 %s 户', r.name, p.name, coalesce(l.households, 0), t.households,
              abs(coalesce(l.households, 0) - t.households)) AS sentence,
       ST_X(ST_PointOnSurface(r.geom)) AS lon, ST_Y(ST_PointOnSurface(r.geom)) AS lat
FROM target t JOIN responder p ON p.id = t.responder_id JOIN region r ON r.id = t.region_id
LEFT JOIN linked l ON l.responder_id = t.responder_id
WHERE coalesce(l.households, 0) < t.households
ORDER BY r.name, p.name
