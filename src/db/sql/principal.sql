-- $1 the digest of what the request was made with, $2 the instant.
SELECT c.id AS credential_id, c.kind::text AS kind, c.may_write, c.expires_at, a.id AS account_id, a.county_id, a.name, a.display_name,
  a.role::text AS role, a.password_expires AND c.vouched IS NULL AS password_expires,
  a.totp_confirmed OR c.vouched IS NOT DISTINCT FROM 'mfa' AS has_second_factor,
  c.vouched IS NOT DISTINCT FROM 'code_due' AS code_due, a.responder_id,
  ARRAY(SELECT g.region_id FROM access_grant g WHERE g.account_id = a.id AND g.during @> $2 AND g.region_id IS NOT NULL) AS regions,
  ARRAY(SELECT g.grid_id FROM access_grant g WHERE g.account_id = a.id AND g.during @> $2 AND g.grid_id IS NOT NULL) AS grids,
  ARRAY(SELECT g.region_id FROM access_grant g WHERE g.account_id = a.id AND g.during @> $2 AND g.region_id IS NOT NULL AND g.in_full) AS regions_in_full,
  ARRAY(SELECT g.grid_id FROM access_grant g WHERE g.account_id = a.id AND g.during @> $2 AND g.grid_id IS NOT NULL AND g.in_full) AS grids_in_full,
  ARRAY(SELECT a.unit_id WHERE a.unit_id IS NOT NULL
    UNION SELECT p.unit_id FROM appointment p WHERE p.responder_id = a.responder_id AND p.valid_during @> d.today) AS units,
  ARRAY(SELECT p.grid_id FROM appointment p WHERE p.responder_id = a.responder_id AND p.valid_during @> d.today
    AND p.grid_id IS NOT NULL AND p.role IN ('grid_worker', 'grid_leader')) AS own_grids,
  ARRAY(SELECT l.household_id FROM household_link l WHERE l.responder_id = a.responder_id AND l.valid_during @> d.today) AS households
FROM credential c JOIN account a ON a.id = c.account_id
JOIN region county ON county.id = a.county_id
CROSS JOIN LATERAL (SELECT ($2 AT TIME ZONE county.time_zone)::date AS today) d
WHERE c.digest = $1 AND c.revoked_at IS NULL AND c.expires_at > $2 AND a.disabled_at IS NULL
