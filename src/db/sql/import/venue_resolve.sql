
-- Why: a venue is known by its kind and name within the village.
UPDATE incoming i SET reason = format('“%s”在同一村、同一类中出现 %s 次', d.name, d.n)
FROM (SELECT region_id, f->>'kind' AS kind, f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1, 2, 3 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND i.region_id = d.region_id AND i.f->>'kind' = d.kind AND i.f->>'name' = d.name;
UPDATE incoming i SET target_id = m.id FROM (SELECT village_id, kind::text AS kind, name, min(id) AS id FROM venue GROUP BY 1, 2, 3) m
WHERE m.village_id = i.region_id AND m.kind = i.f->>'kind' AND m.name = i.f->>'name';
