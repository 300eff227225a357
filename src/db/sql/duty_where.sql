-- Which matters are on a duty officer's list l.list. $1 county, $2 the instant, $3 until when a limit ends soon, $4 a
-- region with all below it or NULL. The first condition names what can be on any list at all, by index.
WHERE i.county_id = $1 AND NOT i.restricted
  AND (i.next_deadline_at IS NOT NULL OR i.closed_at > $2::timestamptz - interval '30 days' AND i.on_the_spot AND i.state = 'closed')
  AND ($4::bigint IS NULL OR $4 = i.county_id OR i.village_id IN (SELECT s.id FROM region s WHERE s.id = $4 OR s.parent_id = $4))
  AND CASE l.list
    WHEN 'unlocated' THEN i.state = 'pending_location'
    WHEN 'undispatched' THEN i.state = 'pending_dispatch'
    WHEN 'to_accept' THEN i.state = 'pending_accept'
    WHEN 'due_soon' THEN i.next_deadline_at >= $2 AND i.next_deadline_at < $3
    WHEN 'overdue' THEN i.next_deadline_at < $2 OR i.next_deadline_at IS NOT NULL AND i.overdue_since IS NOT NULL
    WHEN 'to_check' THEN i.state = 'pending_check'
    -- Drawn by the first two bytes of the id's SHA-256, until someone has looked since it was closed.
    WHEN 'sampled' THEN i.next_deadline_at IS NULL
      AND (get_byte(sha256(uuid_send(i.id)), 0) * 256 + get_byte(sha256(uuid_send(i.id)), 1)) * 100
        < 65536 * (SELECT c.spot_check_percent FROM region c WHERE c.id = $1)
      AND 'resolve_on_spot' = (SELECT h.action FROM incident_history h WHERE h.county_id = i.county_id AND h.incident_id = i.id
        AND h.action IN ('check', 'resolve_on_spot') ORDER BY h.ordinal DESC LIMIT 1)
    WHEN 'not_signed_in' THEN i.next_deadline_at IS NOT NULL AND EXISTS (SELECT FROM assignment x
      WHERE x.county_id = i.county_id AND x.incident_id = i.id AND x.role = 'helper' AND x.ended_at IS NULL
        AND x.accepted_at IS NULL AND x.accept_by IS NOT NULL)
    WHEN 'supervised' THEN i.next_deadline_at IS NOT NULL AND EXISTS (SELECT FROM incident_history h
      WHERE h.county_id = i.county_id AND h.incident_id = i.id AND h.action = 'supervise')
  END
