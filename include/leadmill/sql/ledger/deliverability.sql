-- name: sending_domains
-- Every sending domain with its status, its mailboxes, and what it sent today (UTC).
select d.name, d.sending_ips, d.daily_limit, d.status, d.status_reason, d.status_since, d.cool_down_until,
  (select count(*) from ledger.mailboxes m where m.domain_id = d.domain_id) as mailboxes,
  coalesce((select u.taken from ledger.domain_usage u
    where u.domain_id = d.domain_id and u.day = (:as_of::timestamptz at time zone 'UTC')::date), 0) as taken_today
from ledger.sending_domains d
order by d.name;
