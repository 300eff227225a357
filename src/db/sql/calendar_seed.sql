-- One year ($1) into the calendar of every county without it, or with a provisional one where this is not ($2).
-- $3 source; $4 days, $5 whether worked, $6 names. A day an officer has set stays as it is.
WITH wanting AS (
  SELECT r.id FROM region r LEFT JOIN calendar_year y ON y.county_id = r.id AND y.year = $1
  WHERE r.level = 'county' AND (y.year IS NULL OR y.provisional AND NOT $2)
), gone AS (
  DELETE FROM calendar_day d USING wanting w
  WHERE d.county_id = w.id AND d.set_by IS NULL AND d.day BETWEEN make_date($1, 1, 1) AND make_date($1, 12, 31)
    AND d.day <> ALL ($4) AND EXISTS (SELECT FROM calendar_year y WHERE y.county_id = w.id AND y.year = $1)
), listed AS (
  INSERT INTO calendar_day AS d (county_id, day, working, name)
  SELECT w.id, t.day, t.working, t.name FROM wanting w, unnest($4::date[], $5::boolean[], $6::text[]) AS t (day, working, name)
  ON CONFLICT (county_id, day) DO UPDATE SET working = excluded.working, name = excluded.name WHERE d.set_by IS NULL
), known AS (
  INSERT INTO calendar_year (county_id, year, provisional, source) SELECT id, $1, $2, $3 FROM wanting
  ON CONFLICT (county_id, year) DO UPDATE SET provisional = excluded.provisional, source = excluded.source
)
SELECT count(*) FROM wanting
