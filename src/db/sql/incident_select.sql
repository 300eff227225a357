-- Incidents with what they point to, under the names of db::incident::IncidentRow.
SELECT i.id, i.number, i.state::text AS state, i.version, i.category_id, c.code AS category, c.name AS category_name, i.restricted,
       i.urgency::text AS urgency, i.description, i.location_source::text AS location_source,
       ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.accuracy_m, i.household_id, i.location_text,
       i.village_id, v.name AS village_name,
       i.grid_id, i.grid_version_id, coalesce(code_today(i.grid_id, 'grid', county_day(i.county_id)), '') AS grid_code, gv.name AS grid_name,
       a.unit_id, u.kind::text AS unit_kind, u.name AS unit_name, u.lead_org_id AS org_id, o.name AS org_name,
       a.responder_id, r.name AS responder_name, a.provisional,
       i.accept_by, i.resolve_by, i.next_deadline_at, i.reported_at, i.received_at, i.resolved_at, i.resolved_by,
       i.closed_at, i.on_the_spot,
       CASE WHEN i.next_deadline_at IS NOT NULL THEN i.overdue_since END AS overdue_since, i.merged_into, i.rating,
       i.external_system, i.external_no, i.reported_by,
       c.photo_needed AND NOT EXISTS (SELECT FROM incident_photo p
         WHERE p.county_id = i.county_id AND p.incident_id = i.id AND p.state = 'ready') AS photo_missing
FROM incident i
JOIN category c ON c.id = i.category_id
JOIN assignment a ON a.county_id = i.county_id AND a.id = i.current_assignment_id
JOIN handling_unit u ON u.id = a.unit_id
JOIN party_org o ON o.id = u.lead_org_id
LEFT JOIN responder r ON r.id = a.responder_id
LEFT JOIN region v ON v.id = i.village_id
LEFT JOIN grid_version gv ON gv.id = i.grid_version_id
