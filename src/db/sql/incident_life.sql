-- What the history rows before $2 say of each incident of `matter` in county $1. Nothing that came later is looked at,
-- so that what is told of a past instant stays as it is.
, life AS (
  SELECT h.incident_id AS id,
    (array_agg(h.to_state ORDER BY h.ordinal DESC))[1] AS state,
    (array_agg(h.detail ORDER BY h.ordinal DESC))[1] -> 'limits' AS limits,
    -- The last time somebody said it was done, and the limit that held then.
    (array_agg(h.action ORDER BY h.ordinal DESC) FILTER (WHERE h.action IN ('resolve', 'resolve_on_spot')))[1] AS done_how,
    (array_agg(h.at ORDER BY h.ordinal DESC) FILTER (WHERE h.action IN ('resolve', 'resolve_on_spot')))[1] AS done_at,
    ((array_agg(h.detail ORDER BY h.ordinal DESC) FILTER (WHERE h.action IN ('resolve', 'resolve_on_spot')))[1] -> 'limits' ->> 'resolve_by')::timestamptz AS done_limit,
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
  SELECT l.*, state NOT IN ('closed', 'cancelled') AS open,
    (limits ->> 'next_deadline_at')::timestamptz AS next_deadline_at,
    state NOT IN ('closed', 'cancelled')
      AND ((limits ->> 'next_deadline_at')::timestamptz < $2 OR limits ->> 'overdue_since' IS NOT NULL) AS overdue
  FROM life l
)
