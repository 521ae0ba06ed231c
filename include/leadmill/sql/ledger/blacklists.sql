-- name: watched_subjects
-- What must be on no blacklist: sending domains, their IPs, and hosts that live campaigns link to.
select d.name as subject, 'domain' as kind, 'sending_domain' as role, d.name as sending_domain, false as shared_ip
from ledger.sending_domains d
union all
select trim(ip), 'ip', 'sending_ip', min(d.name),
       bool_or(exists (select from ledger.mailboxes m join ledger.provider_accounts a using (account_id)
                       where m.domain_id = d.domain_id and a.provider <> 'smtp'))
from ledger.sending_domains d, unnest(d.sending_ips) ip
group by trim(ip)
union all
select distinct lower(link[1]), 'domain', 'link', '', false
from ledger.campaigns c
join ledger.variants v using (campaign_id),
     regexp_matches(v.body_html || ' ' || v.body_text, 'https?://([a-z0-9._-]+)', 'gi') link
where c.status in ('approved', 'running', 'paused')
order by 2, 1, 3;

-- name: record_verdicts
-- Bring the current standing of each (subject, list) up to date; an older or repeated run changes nothing.
insert into ledger.blacklist_status as s
  (subject, subject_kind, zone, outcome, answer, since, checked_at, consecutive)
select v.subject, v.kind, v.zone, v.outcome, v.answer, :as_of::timestamptz, :as_of::timestamptz, v.checks
from unnest(:subjects::text[], :kinds::text[], :zones::text[], :outcomes::text[], :answers::text[], :checks::integer[])
     as v (subject, kind, zone, outcome, answer, checks)
order by v.subject, v.zone
on conflict (subject, zone) do update set
  since = case when s.outcome = excluded.outcome then s.since else excluded.since end,
  consecutive = case when s.outcome = excluded.outcome then s.consecutive + excluded.consecutive
                     else excluded.consecutive end,
  outcome = excluded.outcome, answer = excluded.answer, checked_at = excluded.checked_at
where s.checked_at < excluded.checked_at;

-- name: blacklist_status
-- How every subject stands on every list now: listings first, then what is unknown.
select subject, subject_kind, zone, outcome, answer, since, checked_at, consecutive, alerted
from ledger.blacklist_status
order by array_position(array['listed', 'unknown', 'clean'], outcome), subject, zone;

-- name: mark_alerted!
-- Note for which (subject, list) people were told of a listing, or of its end.
update ledger.blacklist_status s set alerted = :alerted::boolean
from unnest(:subjects::text[], :zones::text[]) as told (subject, zone)
where s.subject = told.subject and s.zone = told.zone;

-- name: forget_unwatched
-- Drop the standing of subjects and lists that are no longer watched; says what people had been told of.
delete from ledger.blacklist_status
where not (subject = any(:subjects::text[]) and zone = any(:zones::text[])) and checked_at < :as_of::timestamptz
returning subject, zone, alerted;

-- name: extend_cool_down
-- Lengthen the cool-down of domains that are still listed; one that a person ended stays ended.
update ledger.sending_domains set cool_down_until = :until::timestamptz
where name = any(:names::text[]) and status = 'cooling_down'
  and cool_down_until > :as_of::timestamptz and cool_down_until < :until::timestamptz
returning domain_id;

-- name: lock_history
-- One writer of the check history at a time, until the transaction ends.
select pg_advisory_xact_lock(hashtext('lake.blacklist_checks'));
