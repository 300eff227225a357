-- Why: registers name members before they are known here. A cooperative has no layer of its own to be found in.
SELECT format('联村联社“%s”的成员“%s”不在%s中', c.name, m.member_name, CASE m.kind WHEN 'village' THEN '辖区' ELSE '社会组织' END) AS sentence,
       ST_X(at.p) AS lon, ST_Y(at.p) AS lat
FROM cluster_member m JOIN cluster c ON c.id = m.cluster_id
CROSS JOIN LATERAL (
  SELECT ST_PointOnSurface(r.geom) AS p FROM region r
  WHERE r.id = coalesce((SELECT min(o.village_id) FROM cluster_member o WHERE o.cluster_id = c.id), c.county_id)) at
WHERE m.county_id = $1 AND m.valid_during @> $2
  AND (m.kind = 'village' AND m.village_id IS NULL OR m.kind = 'social_org' AND m.social_org_id IS NULL)
ORDER BY c.name, m.member_name
