WITH made AS (
  INSERT INTO villager_group (county_id, village_id, name)
  SELECT DISTINCT s.county_id, i.region_id, i.f->>'group' FROM incoming i, setting s WHERE i.f->>'group' <> ''
  ON CONFLICT DO NOTHING RETURNING 1)
INSERT INTO import_note SELECT format('新建村民小组 %s 个。', count(*)) FROM made HAVING count(*) > 0;
UPDATE incoming i SET group_id = g.id FROM villager_group g WHERE g.village_id = i.region_id AND g.name = i.f->>'group';
UPDATE incoming SET outcome = 'inserted', target_id = nextval('feature_id') WHERE target_id IS NULL;
INSERT INTO household (county_id, id, number, village_id, villager_group_id, settlement_id, grid_id, grid_source, register_grid_id, geom, address, head_name, tags)
SELECT s.county_id, i.target_id, i.f->>'number', i.region_id, i.group_id, i.settlement_id, coalesce(i.grid_id, i.register_grid_id),
       CASE WHEN i.grid_id IS NULL AND i.register_grid_id IS NOT NULL THEN 'register' ELSE 'point' END::grid_source, i.register_grid_id,
       i.geom, coalesce(i.f->>'address', ''), i.f->>'head',
       coalesce(array_remove(regexp_split_to_array(i.f->>'tags', '[、,,;;\s]+'), ''), '{}')
FROM incoming i, setting s WHERE i.outcome = 'inserted';
-- What the register does not say stays: a file without points takes no point away.
WITH wanted AS (
  SELECT i.target_id AS id, i.region_id AS village_id, coalesce(i.group_id, h.villager_group_id) AS villager_group_id,
         coalesce(i.settlement_id, h.settlement_id) AS settlement_id,
         coalesce(i.register_grid_id, h.register_grid_id) AS register_grid_id,
         CASE WHEN i.geom IS NOT NULL AND i.grid_id IS NOT NULL THEN i.grid_id
              WHEN i.geom IS NULL AND h.geom IS NOT NULL THEN h.grid_id
              ELSE coalesce(i.register_grid_id, h.register_grid_id, h.grid_id) END AS grid_id,
         CASE WHEN i.geom IS NOT NULL AND i.grid_id IS NOT NULL THEN 'point'
              WHEN i.geom IS NULL AND h.geom IS NOT NULL THEN h.grid_source
              WHEN coalesce(i.register_grid_id, h.register_grid_id) IS NOT NULL THEN 'register' ELSE h.grid_source END AS grid_source,
         coalesce(i.geom, h.geom) AS geom, coalesce(i.f->>'address', h.address) AS address, i.f->>'head' AS head_name,
         CASE WHEN i.f ? 'tags' THEN array_remove(regexp_split_to_array(i.f->>'tags', '[、,,;;\s]+'), '') ELSE h.tags END AS tags
  FROM incoming i CROSS JOIN setting s JOIN household h ON h.county_id = s.county_id AND h.id = i.target_id WHERE i.outcome IS NULL
), changed AS (
  UPDATE household h SET village_id = w.village_id, villager_group_id = w.villager_group_id, settlement_id = w.settlement_id,
    register_grid_id = w.register_grid_id, grid_id = w.grid_id, grid_source = w.grid_source, geom = w.geom, address = w.address,
    head_name = w.head_name, tags = w.tags
  FROM wanted w, setting s
  WHERE h.county_id = s.county_id AND h.id = w.id
    AND (h.village_id, h.villager_group_id, h.settlement_id, h.register_grid_id, h.grid_id, h.grid_source, h.geom, h.address, h.head_name, h.tags)
        IS DISTINCT FROM (w.village_id, w.villager_group_id, w.settlement_id, w.register_grid_id, w.grid_id, w.grid_source, w.geom, w.address, w.head_name, w.tags)
  RETURNING h.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id;
-- The phones of the household itself become those that are said; an empty cell says nothing, and what a member has
-- already is not repeated.
WITH said AS (
  SELECT i.target_id, decode(p->>'c', 'hex') AS ciphertext, decode(p->>'n', 'hex') AS number_hash, decode(p->>'t', 'hex') AS tail_hash
  FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.f->'phones') p
), gone AS (
  DELETE FROM phone p USING setting s, (SELECT target_id, array_agg(number_hash) AS kept FROM said GROUP BY 1) k
  WHERE p.county_id = s.county_id AND p.household_id = k.target_id AND p.member_id IS NULL AND p.number_hash <> ALL (k.kept)
  RETURNING p.household_id
), made AS (
  INSERT INTO phone (county_id, household_id, ciphertext, number_hash, tail_hash)
  SELECT s.county_id, q.target_id, q.ciphertext, q.number_hash, q.tail_hash FROM said q, setting s
  WHERE NOT EXISTS (SELECT FROM phone p WHERE p.county_id = s.county_id AND p.household_id = q.target_id AND p.number_hash = q.number_hash)
  RETURNING household_id
)
UPDATE incoming i SET outcome = 'updated'
FROM (SELECT household_id FROM gone UNION SELECT household_id FROM made) c WHERE c.household_id = i.target_id AND i.outcome IS NULL;
