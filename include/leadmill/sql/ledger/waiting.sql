-- name: campaign_of_waiting
-- Which campaign is it, and does its own state keep it from sending?
select c.campaign_id, c.name, c.status, c.status_reason, c.pool_id, p.name as pool, c.starts_at, c.ends_at, c.planned_at,
  exists (select from ledger.content_reviews r
    where r.campaign_id = c.campaign_id and r.is_held and r.closed_at is null) as awaits_review
from ledger.campaigns c left join ledger.pools p using (pool_id)
where c.campaign_id = :campaign_id::bigint;

-- name: sharing_pool
-- Which running campaigns have mail due that shares a campaign's pool, with which weight, and what is waiting of each?
select o.campaign_id, o.name, o.weight, o.campaign_id = c.campaign_id as is_own,
  exists (select from ledger.due_sends d where d.campaign_id = o.campaign_id and d.mailbox_id = 0
    and d.due_at <= :as_of::timestamptz) as has_first_mails
from ledger.campaigns c join ledger.campaigns o on o.pool_id = c.pool_id
where c.campaign_id = :campaign_id::bigint and o.status = 'running'
  and (o.starts_at is null or o.starts_at <= :as_of::timestamptz) and (o.ends_at is null or o.ends_at > :as_of::timestamptz)
  and exists (select from ledger.due_sends d where d.campaign_id = o.campaign_id and d.due_at <= :as_of::timestamptz)
order by o.weight desc, o.campaign_id;

-- name: sends_waiting
-- How many planned sends wait for what, and until when at the earliest?
select
  count(*) filter (where due_at is null)::integer as for_step_before,
  count(*) filter (where due_at > :as_of::timestamptz and step = 1 and not is_put_off)::integer as not_due,
  min(due_at) filter (where due_at > :as_of::timestamptz and step = 1 and not is_put_off) as next_due_at,
  count(*) filter (where due_at > :as_of::timestamptz and step > 1 and not is_put_off)::integer as for_delay,
  min(due_at) filter (where due_at > :as_of::timestamptz and step > 1 and not is_put_off) as delay_ends_at,
  count(*) filter (where due_at > :as_of::timestamptz and code = 'weekly_cap')::integer as for_week,
  min(due_at) filter (where due_at > :as_of::timestamptz and code = 'weekly_cap') as week_ends_at,
  count(*) filter (where due_at > :as_of::timestamptz and code = 'mailed_elsewhere')::integer as for_other_campaign,
  min(due_at) filter (where due_at > :as_of::timestamptz and code = 'mailed_elsewhere') as other_campaign_ends_at,
  count(*) filter (where due_at <= :as_of::timestamptz and window_ends_at <= :as_of::timestamptz)::integer as window_passed,
  count(*) filter (where due_at <= :as_of::timestamptz
    and (window_ends_at is null or window_ends_at > :as_of::timestamptz))::integer as due
from ledger.sends cross join lateral (select coalesce(code in ('weekly_cap', 'mailed_elsewhere'), false) as is_put_off) p
where campaign_id = :campaign_id::bigint and state = 'planned';

-- name: sends_open_elsewhere
-- How many sends of a campaign are in a worker's hands, in doubt, or withdrawn because their lead must not be mailed?
select count(*) filter (where s.state = 'claimed')::integer as claimed,
  count(*) filter (where s.state = 'ambiguous')::integer as ambiguous,
  count(*) filter (where s.state = 'suppressed')::integer as withdrawn,
  min(c.lease_until) filter (where s.state = 'claimed') as lease_until,
  min(s.state_changed_at) filter (where s.state = 'ambiguous') as doubt_since
from ledger.sends s left join ledger.claims c on s.state = 'claimed' and c.claim_id = s.claim_id
where s.campaign_id = :campaign_id::bigint and s.state in ('claimed', 'ambiguous', 'suppressed');

-- name: sticky_waiting
-- For which mailboxes do due follow-ups wait, since the thread began there or was handed on to it?
select t.mailbox_id, count(*)::integer as waiting
from ledger.sends s
cross join lateral ledger.thread_mailbox(s.campaign_id, s.step, s.lead_id) as t(mailbox_id)
where s.campaign_id = :campaign_id::bigint and s.state = 'planned' and s.step > 1 and s.due_at <= :as_of::timestamptz
  and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz) and t.mailbox_id > 0
group by t.mailbox_id order by t.mailbox_id;
