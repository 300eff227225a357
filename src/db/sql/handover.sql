-- What a shift from $3 to $2 hands over, as the history before $2 tells it: what came in, what ended, and all that is
-- open. $1 county. What ended before the shift and never opened again has nothing to tell: by its row, without history.
WITH matter AS MATERIALIZED (
  SELECT id, received_at FROM incident
  WHERE county_id = $1 AND received_at < $2 AND (next_deadline_at IS NOT NULL OR closed_at >= $3)
)
