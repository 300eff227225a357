-- Why: the rule table and the working calendar become data that people edit: who published a table is kept, a calendar
-- knows which of its years are announced and which days an officer has set. And likely duplicates are found by place.
ALTER TABLE dispatch_rule_version ADD COLUMN published_by text NOT NULL DEFAULT '';

-- Set by hand: the name of the officer. Such days stay as they are when a year's announcement comes in.
ALTER TABLE calendar_day ADD COLUMN set_by text CHECK (set_by <> '');
GRANT DELETE ON calendar_day TO yitu_system;

-- A year with data. Without a row nobody has looked after the year: its days are those of the week alone.
CREATE TABLE calendar_year (
  county_id bigint NOT NULL REFERENCES region,
  year smallint NOT NULL CHECK (year BETWEEN 1950 AND 2200),
  provisional boolean NOT NULL,                         -- the statutory festivals only: no announcement yet
  source text NOT NULL CHECK (source <> ''),
  PRIMARY KEY (county_id, year)
);
ALTER TABLE calendar_year ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_county ON calendar_year TO yitu_request
  USING (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint)
  WITH CHECK (county_id = nullif(current_setting('yitu.county_id', true), '')::bigint);
CREATE POLICY whole ON calendar_year TO yitu_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON calendar_year TO yitu_request, yitu_system;

-- Geometry operators may not look behind row-level security, and so lose their indexes; numbers may. A cell is 1/400 of
-- a degree each way, about 250 m; db::duplicate computes the same number.
ALTER TABLE incident ADD COLUMN cell bigint
  GENERATED ALWAYS AS (floor(ST_X(geom) * 400)::bigint * 100000 + floor(ST_Y(geom) * 400)::bigint) STORED;
CREATE INDEX incident_cell ON incident (county_id, category_id, cell, received_at) WHERE NOT restricted;
