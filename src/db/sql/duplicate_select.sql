-- Incidents under the names of db::duplicate::NearRow.
SELECT i.id, i.number, i.state::text AS state, i.category_id, c.parent_id AS head_id, c.code AS category, c.name AS category_name,
       i.restricted, i.description, i.location_source::text AS location_source, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat,
       i.accuracy_m, i.confidence, i.reported_at, v.name AS village_name
FROM incident i
JOIN category c ON c.id = i.category_id
LEFT JOIN region v ON v.id = i.village_id
