-- Years the coming 60 days reach that nobody has looked after, or that stand at the festivals by law.
SELECT CASE WHEN c.year IS NULL
         THEN format('%s年的工作日历还没有数据,期限只按星期计算。请录入放假安排(PUT /api/calendar/日期)。', y)
         ELSE format('%s年的工作日历是暂定的(只有法定节日,没有调休)。放假安排通知发布后请更新程序,或录入后声明(PUT /api/calendar/years/%s)。', y, y)
       END AS sentence, NULL::float8 AS lon, NULL::float8 AS lat
FROM generate_series(date_part('year', $2::date)::integer, date_part('year', $2::date + 60)::integer) y
LEFT JOIN calendar_year c ON c.county_id = $1 AND c.year = y
WHERE c.year IS NULL OR c.provisional
ORDER BY y
