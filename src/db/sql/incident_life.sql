-- What the history rows before $2 say of each incident of `matter` in county $1. Nothing that came later is looked at,
-- so that what is told of a past instant stays as it is.
, life AS (
  SELECT h.incident_id AS id,
    (array_agg(h ORDER BY h.ordinal DESC))[1] AS last,
    -- The last time somebody said it was done.
    (array_agg(h ORDER BY h.ordinal DESC) FILTER (WHERE h.action IN ('resolve', 'resolve_on_spot')))[1] AS done,
    -- A helper's sign-in names the helper; every other row the unit that answers.
    (array_agg(h.unit_id ORDER BY h.ordinal DESC) FILTER (WHERE h.unit_id IS NOT NULL AND h.action <> 'sign_in'))[1] AS unit_id,
    min(h.at) FILTER (WHERE h.action = 'accept') AS accepted_at,
    max(h.at) FILTER (WHERE h.to_state IN ('closed', 'cancelled') AND h.from_state IS DISTINCT FROM h.to_state) AS ended_at,
    count(*) FILTER (WHERE h.action = 'check') AS checks,
    count(*) FILTER (WHERE h.action = 'check' AND h.to_state = 'in_progress') AS checks_failed,
    bool_or(h.action = 'extend') AS extended,
    bool_or(h.action = 'merge') AS merged,
    bool_or(h.action = 'supervise') AS supervised
  FROM matter m JOIN incident_history h ON h.county_id = $1 AND h.incident_id = m.id AND h.at < $2
  GROUP BY h.incident_id
), standing AS (
  SELECT l.*, (l.last).to_state AS state, (l.last).to_state NOT IN ('closed', 'cancelled') AS open,
    ((l.last).detail -> 'limits' ->> 'next_deadline_at')::timestamptz AS next_deadline_at,
    (l.last).to_state NOT IN ('closed', 'cancelled') AND (
      ((l.last).detail -> 'limits' ->> 'next_deadline_at')::timestamptz < $2
      OR (l.last).detail -> 'limits' ->> 'overdue_since' IS NOT NULL) AS overdue
  FROM life l
)
