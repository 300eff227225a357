-- Why: a cluster is known by its name.
UPDATE incoming i SET reason = format('“%s”在文件中出现 %s 次', d.name, d.n)
FROM (SELECT f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1 HAVING count(*) > 1) d
WHERE i.f->>'name' = d.name;
UPDATE incoming i SET target_id = m.id FROM (SELECT c.name, min(c.id) AS id FROM cluster c JOIN setting s ON s.county_id = c.county_id GROUP BY 1) m
WHERE m.name = i.f->>'name';
