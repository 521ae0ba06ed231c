-- name: events_by_kind
-- How many events of each kind have been collected, people and machines apart?
select kind, count(*) filter (where not machine) as by_people, count(*) filter (where machine) as by_machines
from lake.events
group by kind
order by kind;
