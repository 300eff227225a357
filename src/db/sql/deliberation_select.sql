-- Matters on agendas with what they point to, under the names of db::deliberation::EntryRow.
SELECT d.id, d.venue_id, p.name AS venue_name, p.kind::text AS venue_kind, p.village_id, v.name AS village_name,
       d.day, d.agenda_no, d.topic, d.incident_id, i.number AS incident_number, d.outcome::text AS outcome, d.resolution,
       d.carried_over_from, d.carried_over_count, d.version
FROM deliberation d
JOIN venue p ON p.id = d.venue_id
JOIN region v ON v.id = p.village_id
LEFT JOIN incident i ON i.county_id = d.county_id AND i.id = d.incident_id
