-- Rows of the file that are one new person: the same name with the same first phone, or without one in the same region.
CREATE TEMP TABLE new_person ON COMMIT DROP AS
  SELECT array_agg(p.row_no) AS rows, nextval('feature_id') AS id, min(p.name) AS name FROM (
    SELECT p.*, coalesce(p.numbers[1]::text, p.region_id::text) AS apart FROM person p JOIN incoming i USING (row_no) WHERE i.target_id IS NULL) p
  GROUP BY p.name, p.apart;
INSERT INTO responder (id, county_id, name) SELECT n.id, s.county_id, n.name FROM new_person n, setting s;
UPDATE incoming i SET target_id = n.id, outcome = 'inserted' FROM new_person n WHERE i.row_no = ANY (n.rows);
WITH said AS (
  SELECT i.target_id, array_agg(DISTINCT skill ORDER BY skill) AS skills
  FROM incoming i CROSS JOIN LATERAL regexp_split_to_table(i.f->>'skills', '[、,,;;\s]+') skill WHERE skill <> '' GROUP BY 1
), changed AS (
  UPDATE responder r SET skills = said.skills FROM said WHERE r.id = said.target_id AND r.skills <> said.skills RETURNING r.id
)
UPDATE incoming i SET outcome = 'updated' FROM changed WHERE changed.id = i.target_id AND i.outcome IS NULL;
WITH made AS (
  INSERT INTO appointment (county_id, responder_id, role, unit_id, region_id, grid_id, valid_during)
  SELECT DISTINCT ON (i.target_id, i.f->>'role', i.group_id)
         s.county_id, i.target_id, (i.f->>'role')::appointment_role, i.group_id, i.region_id, i.grid_id, daterange(s.today, NULL)
  FROM incoming i, setting s
  WHERE NOT EXISTS (SELECT FROM appointment a WHERE a.responder_id = i.target_id AND a.role::text = i.f->>'role' AND a.unit_id = i.group_id
    AND a.valid_during && daterange(s.today, NULL))
  ORDER BY i.target_id, i.f->>'role', i.group_id, i.row_no
  RETURNING responder_id, role::text AS role, unit_id
)
UPDATE incoming i SET outcome = 'updated' FROM made m
WHERE i.outcome IS NULL AND (m.responder_id, m.role, m.unit_id) = (i.target_id, i.f->>'role', i.group_id);
WITH made AS (
  INSERT INTO phone (county_id, responder_id, ciphertext, number_hash, tail_hash)
  SELECT DISTINCT ON (i.target_id, p->>'n') s.county_id, i.target_id, decode(p->>'c', 'hex'), decode(p->>'n', 'hex'), decode(p->>'t', 'hex')
  FROM incoming i CROSS JOIN setting s CROSS JOIN LATERAL jsonb_array_elements(i.f->'phones') p
  WHERE NOT EXISTS (SELECT FROM phone o WHERE o.responder_id = i.target_id AND o.number_hash = decode(p->>'n', 'hex'))
  RETURNING responder_id
)
UPDATE incoming i SET outcome = 'updated' FROM made WHERE made.responder_id = i.target_id AND i.outcome IS NULL;
