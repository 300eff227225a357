UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO cluster (id, county_id, name, industries)
SELECT i.target_id, s.county_id, i.f->>'name', coalesce(array_remove(regexp_split_to_array(i.f->>'industries', '[、,,;;\s]+'), ''), '{}')
FROM incoming i, setting s WHERE i.outcome = 'inserted';
WITH changed AS (
  UPDATE cluster t SET industries = array_remove(regexp_split_to_array(i.f->>'industries', '[、,,;;\s]+'), '')
  FROM incoming i WHERE t.id = i.target_id AND i.outcome IS NULL AND i.f ? 'industries'
    AND t.industries IS DISTINCT FROM array_remove(regexp_split_to_array(i.f->>'industries', '[、,,;;\s]+'), '')
  RETURNING t.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
-- Members are dated: who is no longer named leaves today, who is new joins today. A name that fits no
-- village or organisation is kept as it is written; the check lists it.
CREATE TEMP TABLE named ON COMMIT DROP AS
SELECT DISTINCT ON (i.target_id, m.name) i.target_id AS cluster_id, m.name,
       (SELECT CASE WHEN count(*) = 1 THEN min(r.id) END FROM region r WHERE r.county_id = s.county_id AND r.level = 'village'
          AND (r.name = m.name OR r.id IN (SELECT feature_id FROM code_alias a WHERE a.county_id = s.county_id AND a.scheme = 'division' AND a.code = m.name))) AS village_id,
       (SELECT CASE WHEN count(*) = 1 THEN min(o.id) END FROM social_org o WHERE o.county_id = s.county_id AND o.name = m.name) AS social_org_id
FROM incoming i CROSS JOIN setting s CROSS JOIN LATERAL regexp_split_to_table(i.f->>'members', '[、,,;;\s]+') m(name)
WHERE m.name <> '';
WITH gone AS (
  DELETE FROM cluster_member m USING setting s, incoming i
  WHERE i.target_id = m.cluster_id AND lower(m.valid_during) = s.today AND upper_inf(m.valid_during)
    AND NOT EXISTS (SELECT FROM named n WHERE n.cluster_id = m.cluster_id AND n.name = m.member_name) RETURNING m.cluster_id
), left_now AS (
  UPDATE cluster_member m SET valid_during = daterange(lower(m.valid_during), s.today) FROM setting s, incoming i
  WHERE i.target_id = m.cluster_id AND m.valid_during @> s.today AND coalesce(lower(m.valid_during) < s.today, true)
    AND NOT EXISTS (SELECT FROM named n WHERE n.cluster_id = m.cluster_id AND n.name = m.member_name) RETURNING m.cluster_id
), joined AS (
  INSERT INTO cluster_member (county_id, cluster_id, kind, member_name, village_id, social_org_id, valid_during)
  SELECT s.county_id, n.cluster_id,
         CASE WHEN n.social_org_id IS NOT NULL AND n.village_id IS NULL THEN 'social_org'
              WHEN n.name LIKE '%合作社%' THEN 'cooperative' ELSE 'village' END::cluster_member_kind,
         n.name, CASE WHEN n.name NOT LIKE '%合作社%' THEN n.village_id END, CASE WHEN n.village_id IS NULL THEN n.social_org_id END, daterange(s.today, NULL)
  FROM named n, setting s
  WHERE NOT EXISTS (SELECT FROM cluster_member m WHERE m.cluster_id = n.cluster_id AND m.member_name = n.name AND m.valid_during @> s.today)
  RETURNING cluster_id
)
UPDATE incoming i SET outcome = 'updated'
WHERE outcome IS NULL AND target_id IN (SELECT cluster_id FROM gone UNION SELECT cluster_id FROM left_now UNION SELECT cluster_id FROM joined);
INSERT INTO import_note SELECT format('成员“%s”不在辖区和社会组织中,按原名保留。', name) FROM named
WHERE village_id IS NULL AND social_org_id IS NULL AND name NOT LIKE '%合作社%';
