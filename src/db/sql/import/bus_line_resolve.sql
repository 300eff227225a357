-- Why: a line is known by its number and name: many run each way under one number.
UPDATE incoming i SET reason = format('线路“%s %s”在文件中有 %s 段,应合成一条线', d.number, d.name, d.n)
FROM (SELECT f->>'number' AS number, f->>'name' AS name, count(*) AS n FROM incoming GROUP BY 1, 2 HAVING count(*) > 1) d
WHERE i.f->>'number' = d.number AND i.f->>'name' = d.name;
UPDATE incoming i SET target_id = m.id FROM (
  SELECT l.number, l.name, min(l.id) AS id FROM bus_line l JOIN setting s ON s.county_id = l.county_id GROUP BY 1, 2) m
WHERE m.number = i.f->>'number' AND m.name = i.f->>'name';
