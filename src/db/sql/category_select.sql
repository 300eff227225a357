-- Categories as a dispatch sees them, under the names of db::unit::CategoryRow.
SELECT c.id, c.code, c.name, c.restricted, c.village_admitted, c.photo_needed, c.township_delegated IS NOT NULL AS township_delegated,
       (SELECT u.id FROM handling_unit u
        WHERE u.county_id = c.county_id AND u.kind = 'department' AND u.name LIKE '%' || c.legal_dept ORDER BY u.id LIMIT 1) AS lawful_department
FROM category c
