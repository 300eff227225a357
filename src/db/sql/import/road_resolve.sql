-- Why: most roads have no name; a segment is known by its course.
UPDATE incoming i SET reason = '与另一行的线形完全相同'
FROM (SELECT geom FROM incoming GROUP BY geom HAVING count(*) > 1) d WHERE i.geom = d.geom;
UPDATE incoming i SET target_id = m.id FROM (SELECT r.geom, min(r.id) AS id FROM road r JOIN setting s ON s.county_id = r.county_id GROUP BY 1) m
WHERE m.geom = i.geom;
