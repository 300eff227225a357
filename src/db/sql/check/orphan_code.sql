-- Why: a code whose feature is gone still keeps others from using it, and leads nowhere.
SELECT format('代码“%s”(%s)所指的 %s %s 已不存在', a.code, a.scheme, a.layer, a.feature_id) AS sentence, NULL::float8 AS lon, NULL::float8 AS lat
FROM code_alias a
WHERE a.county_id = $1 AND $2::date IS NOT NULL
  AND NOT EXISTS (SELECT FROM region x WHERE a.layer = 'region' AND x.id = a.feature_id)
  AND NOT EXISTS (SELECT FROM grid x WHERE a.layer = 'grid' AND x.id = a.feature_id)
  AND NOT EXISTS (SELECT FROM household x WHERE a.layer = 'household' AND x.county_id = a.county_id AND x.id = a.feature_id)
  AND NOT EXISTS (SELECT FROM settlement x WHERE a.layer = 'settlement' AND x.id = a.feature_id)
  AND NOT EXISTS (SELECT FROM venue x WHERE a.layer = 'venue' AND x.id = a.feature_id)
ORDER BY a.code
