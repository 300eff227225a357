-- The party organisations of the other villages of the cluster that village $2 of county $1 is in on the day $3, the
-- nearest first.
SELECT coalesce(committee.name, c.name) AS cluster_name, u.id, u.kind::text AS kind, u.name, o.id AS org_id, o.name AS org_name,
       false AS neighbour
FROM cluster_member mine
JOIN cluster c ON c.id = mine.cluster_id
LEFT JOIN party_org committee ON committee.id = c.committee_org_id
JOIN cluster_member theirs ON theirs.cluster_id = c.id AND theirs.village_id <> mine.village_id AND theirs.valid_during @> $3
JOIN region a ON a.id = mine.village_id
JOIN region b ON b.id = theirs.village_id
JOIN handling_unit u ON u.kind = 'village_party_org' AND u.region_id = theirs.village_id
JOIN party_org o ON o.id = u.lead_org_id
WHERE mine.county_id = $1 AND mine.village_id = $2 AND mine.valid_during @> $3
ORDER BY c.id, ST_Distance(a.geom, b.geom), u.id LIMIT 3
