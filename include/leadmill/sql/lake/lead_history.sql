-- name: events_of_lead
-- What happened to one lead's mails, newest first: machines apart from people.
select occurred_at, kind, bounce_kind, machine, coalesce(machine_reason, '') as machine_reason, send_id, coalesce(url, '') as url
from lake.events
where lead_id = :lead_id
order by occurred_at desc
limit 500;

-- name: scores_of_lead
-- How one lead's score changed over time, oldest first.
select as_of, probability, is_base_rate from lake.lead_scores where lead_id = :lead_id order by as_of;
