SELECT i.id, i.number, i.restricted, c.name AS category_name, i.urgency::text AS urgency, i.description, v.name AS village_name,
  u.name AS unit_name, s.state::text AS state, i.received_at, s.ended_at, s.next_deadline_at, s.open, s.overdue, s.supervised
FROM standing s JOIN incident i ON i.county_id = $1 AND i.id = s.id
JOIN category c ON c.id = i.category_id
LEFT JOIN region v ON v.id = i.village_id
LEFT JOIN handling_unit u ON u.id = s.unit_id
WHERE s.open OR i.received_at >= $3 OR s.ended_at >= $3
ORDER BY coalesce(s.next_deadline_at, s.ended_at), i.number
