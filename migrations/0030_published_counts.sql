-- Why: whoever may not know of a village's households one by one is told how many there are as they were counted once that
-- day, never as they come and go. Which of these numbers are too small to be told is decided where they are read.
CREATE TABLE published_count (
  county_id bigint NOT NULL REFERENCES region,
  day date NOT NULL,
  village_id bigint NOT NULL REFERENCES region,
  households integer NOT NULL CHECK (households >= 0),
  members integer NOT NULL CHECK (members >= 0),
  PRIMARY KEY (county_id, day, village_id)
);
ALTER TABLE published_count ENABLE ROW LEVEL SECURITY;
CREATE POLICY whole ON published_count TO yitu_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON published_count TO yitu_system;
