
-- Why: known by its name within the village.
UPDATE incoming i SET reason = format('“%s”在同一村中出现 %s 次', d.name, d.n)
FROM (SELECT region_id, f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1, 2 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND i.region_id = d.region_id AND i.f->>'name' = d.name;
UPDATE incoming i SET target_id = m.id FROM (SELECT village_id, name, min(id) AS id FROM villager_group GROUP BY 1, 2) m
WHERE m.village_id = i.region_id AND m.name = i.f->>'name';
