-- Why: a social organisation is known by its name in the county, and may serve more than one village.
UPDATE incoming i SET reason = format('“%s”在文件中出现 %s 次', d.name, d.n)
FROM (SELECT f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1 HAVING count(*) > 1) d
WHERE i.reason IS NULL AND i.f->>'name' = d.name;
UPDATE incoming i SET target_id = m.id FROM (SELECT o.name, min(o.id) AS id FROM social_org o JOIN setting s ON s.county_id = o.county_id GROUP BY 1) m
WHERE m.name = i.f->>'name';
