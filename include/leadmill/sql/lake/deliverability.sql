-- name: blacklist_timeline
-- How many lists said what, check by check, since a time: of one subject, or of all where the subject is empty.
select checked_at, count(*) filter (outcome = 'listed') as listed, count(*) filter (outcome = 'unknown') as unknown,
  count(*) filter (outcome = 'clean') as clean
from lake.blacklist_checks
where checked_at >= :since::timestamptz and (:subject::varchar = '' or subject = :subject::varchar)
group by checked_at
order by checked_at;
