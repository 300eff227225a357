-- Why: the region of each row, of any level: as said for all, by the village's code or unique name, by the township, else the county.
UPDATE incoming i SET region_id = s.parent_id FROM setting s;
UPDATE incoming i SET region_id = a.feature_id FROM setting s, code_alias a, region r
WHERE i.region_id IS NULL AND a.county_id = s.county_id AND a.scheme = 'division' AND a.code = i.f->>'village_code' AND r.id = a.feature_id;
UPDATE incoming i SET region_id = m.id FROM (
  SELECT r.name, t.name AS township, r.id FROM region r JOIN region t ON t.id = r.parent_id JOIN setting s ON s.county_id = r.county_id
  WHERE r.level = 'village' AND 1 = (SELECT count(*) FROM region o WHERE o.county_id = r.county_id AND o.level = 'village' AND o.name = r.name)) m
WHERE i.region_id IS NULL AND m.name = i.f->>'village' AND (coalesce(i.f->>'township', '') = '' OR i.f->>'township' = m.township);
UPDATE incoming i SET region_id = r.id FROM setting s, region r
WHERE i.region_id IS NULL AND coalesce(i.f->>'village', '') = '' AND coalesce(i.f->>'village_code', '') = ''
  AND r.county_id = s.county_id AND r.level = 'township' AND r.name = i.f->>'township';
UPDATE incoming i SET region_id = s.county_id FROM setting s
WHERE i.region_id IS NULL AND coalesce(i.f->>'village', '') = '' AND coalesce(i.f->>'village_code', '') = '' AND coalesce(i.f->>'township', '') = '';
UPDATE incoming SET reason = format('所在辖区“%s”不存在或有重名', coalesce(nullif(f->>'village_code', ''), nullif(f->>'village', ''), f->>'township'))
WHERE region_id IS NULL;
