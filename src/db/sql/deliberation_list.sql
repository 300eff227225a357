-- What a list is cut to, in the order of days, venues and agendas; a NULL parameter cuts nothing.
WHERE d.county_id = $1
  AND ($2::bigint IS NULL OR d.venue_id = $2)
  AND ($3::bigint IS NULL OR $3 = d.county_id OR v.id = $3 OR v.parent_id = $3)
  AND ($4::date IS NULL OR d.day >= $4)
  AND ($5::date IS NULL OR d.day <= $5)
  -- Where an incident stands is told to those alone who may know of it.
  AND ($6::uuid IS NULL OR i.id = $6)
  AND ($7::text[] IS NULL OR d.outcome::text = ANY ($7))
  AND ($8::date IS NULL OR (d.day, d.venue_id, d.agenda_no) > ($8, $9::bigint, $10::integer))
ORDER BY d.day, d.venue_id, d.agenda_no LIMIT $11
