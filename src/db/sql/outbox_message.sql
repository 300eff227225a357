-- What a notification says, under the names of db::outbox::MessageRow.
SELECT n.id, n.incident_id, i.number, n.ordinal, h.action::text AS action, h.at, h.to_state::text AS state, h.note,
       c.code AS category, c.name AS category_name, i.restricted, i.urgency::text AS urgency, i.description, i.location_text,
       ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.village_id, v.name AS village_name, i.grid_id,
       coalesce(code_today(i.grid_id, 'grid', county_day(i.county_id)), '') AS grid_code, gv.name AS grid_name,
       n.unit_id, u.name AS unit_name, p.name AS responder_name, n.accept_by, n.resolve_by, n.next_deadline_at,
       i.external_system, i.external_no, CASE WHEN h.action = 'merge' THEN m.number END AS merged_into,
       k.time_zone
FROM notification n
JOIN incident_history h ON h.county_id = n.county_id AND h.incident_id = n.incident_id AND h.ordinal = n.ordinal
JOIN incident i ON i.county_id = n.county_id AND i.id = n.incident_id
JOIN category c ON c.id = i.category_id
JOIN handling_unit u ON u.id = n.unit_id
JOIN region k ON k.id = n.county_id
LEFT JOIN responder p ON p.id = h.responder_id
LEFT JOIN region v ON v.id = i.village_id
LEFT JOIN grid_version gv ON gv.id = i.grid_version_id
LEFT JOIN incident m ON m.county_id = i.county_id AND m.id = i.merged_into
WHERE n.county_id = $1 AND n.id = $2
