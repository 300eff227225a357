-- Why: 逢五说事 keeps its agenda, and what came of each matter, beside the incidents it is about.
CREATE TYPE deliberation_outcome AS ENUM ('waiting', 'agreed', 'not_agreed', 'carried_over', 'withdrawn');

CREATE TABLE deliberation (
  id bigint PRIMARY KEY DEFAULT nextval('feature_id'),
  county_id bigint NOT NULL REFERENCES region,
  venue_id bigint NOT NULL REFERENCES venue,
  day date NOT NULL,                                    -- a lunar 5th, 15th or 25th, as a civil date
  agenda_no integer NOT NULL CHECK (agenda_no >= 1),
  topic text NOT NULL CHECK (topic <> ''),
  incident_id uuid,
  outcome deliberation_outcome NOT NULL DEFAULT 'waiting',
  resolution text NOT NULL DEFAULT '',
  carried_over_from bigint REFERENCES deliberation,
  version integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (venue_id, day, agenda_no),
  FOREIGN KEY (county_id, incident_id) REFERENCES incident (county_id, id)
);
CREATE INDEX deliberation_incident ON deliberation (county_id, incident_id);
CALL follow_changes('deliberation', 'venue', 'venue_id');
CALL count_versions('deliberation');
