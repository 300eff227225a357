-- Where a matter can be deliberated on a day, the best first: in its village, then in the villages of its cluster and
-- township; each by the distance along the ellipsoid from its point or, without one, from the village.
WITH matter AS (
  SELECT v.id AS village_id, v.parent_id AS township_id, coalesce(i.geom, v.geom)::geography AS place
  FROM incident i JOIN region v ON v.id = i.village_id WHERE i.county_id = $1 AND i.id = $2
)
SELECT p.id
FROM matter m
JOIN venue p ON p.county_id = $1 AND p.kind::text = ANY ($3)
JOIN region v ON v.id = p.village_id
WHERE (v.parent_id = m.township_id OR EXISTS (
    SELECT FROM cluster_member a JOIN cluster_member b ON b.cluster_id = a.cluster_id
    WHERE a.village_id = m.village_id AND b.village_id = p.village_id AND a.valid_during @> $4 AND b.valid_during @> $4))
  AND coalesce(p.agenda_limit, $5) > (
    SELECT count(*) FROM deliberation d WHERE d.venue_id = p.id AND d.day = $4 AND d.outcome NOT IN ('carried_over', 'withdrawn'))
ORDER BY p.village_id <> m.village_id, ST_Distance(p.geom::geography, m.place), p.id
