-- Notifications become deliveries: one for each receiver whose filter they pass.
WITH fresh AS MATERIALIZED (
  SELECT county_id, id, incident_id, ordinal, unit_id FROM notification WHERE spread_at IS NULL ORDER BY ordinal, id LIMIT $2
), made AS (
  INSERT INTO delivery (county_id, notification_id, receiver_id, incident_id, ordinal, give_up_after, since, due_at)
  SELECT f.county_id, f.id, r.id, f.incident_id, f.ordinal, $3, $1, $1
  FROM fresh f
  JOIN incident_history h ON h.county_id = f.county_id AND h.incident_id = f.incident_id AND h.ordinal = f.ordinal
  JOIN incident i ON i.county_id = f.county_id AND i.id = f.incident_id
  JOIN webhook_receiver r ON r.county_id = f.county_id AND r.enabled
  WHERE (r.restricted OR NOT i.restricted)
    AND (r.external_system IS NULL OR r.external_system = i.external_system)
    AND (r.actions = '{}' OR h.action::text = ANY (r.actions))
    AND (r.urgencies = '{}' OR i.urgency::text = ANY (r.urgencies))
    AND (r.units = '{}' OR f.unit_id = ANY (r.units))
    AND (r.regions = '{}' OR i.county_id = ANY (r.regions) OR EXISTS (
          SELECT FROM region v WHERE v.id = i.village_id AND (v.id = ANY (r.regions) OR v.parent_id = ANY (r.regions))))
    AND (r.categories = '{}' OR EXISTS (
          SELECT FROM category k LEFT JOIN category p ON p.id = k.parent_id
          WHERE k.id = i.category_id AND (k.code = ANY (r.categories) OR p.code = ANY (r.categories))))
  ON CONFLICT DO NOTHING
)
UPDATE notification n SET spread_at = $1 FROM fresh f WHERE n.county_id = f.county_id AND n.id = f.id
