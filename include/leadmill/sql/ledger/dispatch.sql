-- name: lanes_with_work
-- Which provider accounts have a mailbox that may send something due in a running campaign?
select a.name from ledger.provider_accounts a
where a.status = 'active' and exists (
  select 1 from ledger.mailboxes m
  join ledger.campaigns c on c.pool_id = m.pool_id
  where m.account_id = a.account_id and m.status <> 'paused' and c.status = 'running'
    and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
    and (c.ends_at is null or c.ends_at > :as_of::timestamptz)
    and exists (
      select 1 from ledger.sends s
      where s.campaign_id = c.campaign_id and s.state = 'planned' and s.due_at <= :as_of::timestamptz
        and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz)))
order by a.name;

-- name: lock_account
-- Which account is this lane, and what time is it there? The lane's clock never goes back, so a re-run cannot use up a past day's quota.
select a.account_id, a.name, a.provider, a.config, a.secret_ref, a.daily_limit, a.max_per_second, a.status,
  a.next_send_at,
  greatest(:as_of::timestamptz, (select max(last_claim_at) from ledger.provider_accounts)) as lane_time
from ledger.provider_accounts a where a.name = :lane::text
for no key update;

-- name: lock_domains
-- Lock the domains of a lane, in the order that every claim keeps: a domain may belong to several lanes.
select domain_id from ledger.sending_domains
where domain_id in (select m.domain_id from ledger.mailboxes m where m.account_id = :account_id::bigint)
order by domain_id for no key update;

-- name: lock_mailboxes
-- Lock the mailboxes of a lane, after its domains.
select mailbox_id from ledger.mailboxes where account_id = :account_id::bigint
order by mailbox_id for no key update;

-- name: mailbox_capacities
-- What do the limits of mailboxes say, and what have mailbox, domain and account used of them? One lane, or all (null).
select m.mailbox_id, m.domain_id, m.account_id, m.pool_id, m.address, m.display_name, m.user_name, m.time_zone,
  m.secret_ref, m.status, m.status_reason, m.status_since, m.cool_down_until, m.next_send_at, m.daily_limit,
  m.hourly_limit, m.min_gap_seconds, m.warm_up_started_on,
  (:now::timestamptz at time zone m.time_zone)::date as day,
  coalesce(mu.taken, 0) as taken_today, coalesce(mu.accepted, 0) as accepted_today,
  coalesce(hu.taken, 0) as taken_this_hour,
  d.name as domain, d.status as domain_status, d.status_reason as domain_status_reason,
  d.cool_down_until as domain_cool_down_until, d.daily_limit as domain_daily_limit,
  coalesce(du.taken, 0) as domain_taken_today,
  a.name as account, a.provider, a.config, a.secret_ref as account_secret_ref, a.status as account_status,
  a.daily_limit as account_daily_limit, a.next_send_at as account_next_send_at, a.max_per_second,
  coalesce(au.taken, 0) as account_taken, au.relaxes_at as account_quota_relaxes_at,
  p.name as pool,
  coalesce(h.delivered, 0) + coalesce(ru.refused_address, 0) as delivered,
  coalesce(h.bounced, 0) + coalesce(ru.refused_address, 0) as bounced
from ledger.mailboxes m
join ledger.sending_domains d using (domain_id)
join ledger.provider_accounts a using (account_id)
join ledger.pools p using (pool_id)
left join ledger.mailbox_usage mu
  on mu.mailbox_id = m.mailbox_id and mu.day = (:now::timestamptz at time zone m.time_zone)::date
left join ledger.mailbox_hour_usage hu
  on hu.mailbox_id = m.mailbox_id and hu.hour = date_trunc('hour', :now::timestamptz)
left join ledger.domain_usage du
  on du.domain_id = m.domain_id and du.day = (:now::timestamptz at time zone 'UTC')::date
left join (
  -- A bucket counts while any part of it lies within the rolling 24 hours.
  select account_id, sum(taken)::integer as taken,
    min(hour) filter (where taken > 0) + interval '25 hours' as relaxes_at
  from ledger.account_usage where hour > :now::timestamptz - interval '25 hours' group by account_id
) au on au.account_id = m.account_id
left join (
  select mailbox_id, sum(accepted)::integer as delivered, sum(hard_bounced)::integer as bounced
  from ledger.mailbox_health
  where day > (:now::timestamptz at time zone 'UTC')::date - :window_days::integer group by mailbox_id
) h on h.mailbox_id = m.mailbox_id
left join (
  select mailbox_id, sum(refused_address)::integer as refused_address
  from ledger.mailbox_usage
  where day > (:now::timestamptz at time zone 'UTC')::date - :window_days::integer group by mailbox_id
) ru on ru.mailbox_id = m.mailbox_id
where :account_id::bigint is null or m.account_id = :account_id::bigint
order by m.mailbox_id;

-- name: choose_due_sends
-- Which sends should go next from these pools and mailboxes, and may their leads still be mailed? Locks them, skipping others' locks.
select s.send_id, s.campaign_id, c.pool_id, s.step, s.variant_id, s.lead_id, s.attempts,
  s.preferred_mailbox_id, s.sticky_mailbox_id,
  case when l.email is null or l.erased_at is not null then 'erased' else coalesce(x.reason, (
    select b.reason from ledger.barred_inboxes b where b.inbox = ledger.inbox(l.email))) end as suppressed_by,
  case when s.step > 1 then (
    select case when p.replied_at is not null then 'replied' else p.state end
    from ledger.sends p
    where p.lead_id = s.lead_id and p.campaign_id = s.campaign_id and p.step < s.step
      and (p.replied_at is not null or p.state in ('bounced', 'complained')) limit 1) end as ended_by,
  l.email, ledger.template_fields(l) as fields
from ledger.campaigns c
cross join lateral (
  select o.send_id, o.campaign_id, o.step, o.variant_id, o.lead_id, o.attempts, o.due_at, o.priority,
    o.mailbox_id as preferred_mailbox_id,
    case when o.step > 1 then (
      select f.mailbox_id from ledger.sends f
      where f.campaign_id = o.campaign_id and f.step = 1 and f.lead_id = o.lead_id) end as sticky_mailbox_id
  from ledger.sends o
  where o.campaign_id = c.campaign_id and o.state = 'planned' and o.due_at <= :as_of::timestamptz
    and (o.window_ends_at is null or o.window_ends_at > :now::timestamptz)
    and (o.step = 1 or coalesce((
      select f.mailbox_id from ledger.sends f
      where f.campaign_id = o.campaign_id and f.step = 1 and f.lead_id = o.lead_id) = any(:mailbox_ids::bigint[]), true))
  order by o.due_at, o.priority desc, o.send_id
  limit :row_limit::integer
  for no key update of o skip locked
) s
join ledger.leads l on l.lead_id = s.lead_id
left join ledger.suppressions x on x.email_hash = l.email_hash
where c.status = 'running' and c.pool_id = any(:pool_ids::bigint[])
  and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
  and (c.ends_at is null or c.ends_at > :now::timestamptz)
order by s.due_at, s.priority desc, s.send_id
limit :row_limit::integer;

-- name: has_due_sends
-- Is anything due for these pools at all?
select exists (
  select 1 from ledger.campaigns c join ledger.sends s using (campaign_id)
  where c.status = 'running' and c.pool_id = any(:pool_ids::bigint[])
    and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
    and (c.ends_at is null or c.ends_at > :as_of::timestamptz)
    and s.state = 'planned' and s.due_at <= :as_of::timestamptz
    and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz)) as has_due;

-- name: withdraw_sends!
-- Take sends out whose lead must not be mailed (suppressed) or whose sequence ended (cancelled).
update ledger.sends s set state = w.state, code = w.code, state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :states::text[], :codes::text[]) as w(send_id, state, code)
where s.send_id = w.send_id and s.state = 'planned';

-- name: claim_sends
-- Mark sends as one worker's own until the lease ends.
update ledger.sends s
set state = 'claimed', claimed_at = :now::timestamptz, lease_until = :lease_until::timestamptz, worker = :worker::text,
  mailbox_id = a.mailbox_id, assignment = a.assignment::jsonb, attempts = s.attempts + 1, fault = null, code = null,
  state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :mailbox_ids::bigint[], :assignments::text[]) as a(send_id, mailbox_id, assignment)
where s.send_id = a.send_id and s.state = 'planned'
returning s.send_id, s.attempts;

-- name: take_quota!
-- Take what a claim uses from mailbox (day, hour), domain and account, and set when each may send next.
with t as (
  select m.mailbox_id, m.domain_id, m.account_id, m.time_zone, u.taken
  from unnest(:mailbox_ids::bigint[], :counts::integer[]) as u(mailbox_id, taken)
  join ledger.mailboxes m using (mailbox_id)
), days as (
  insert into ledger.mailbox_usage as mu (mailbox_id, day, taken)
  select mailbox_id, (:now::timestamptz at time zone time_zone)::date, taken from t
  on conflict (mailbox_id, day) do update set taken = mu.taken + excluded.taken
), hours as (
  insert into ledger.mailbox_hour_usage as hu (mailbox_id, hour, taken)
  select mailbox_id, date_trunc('hour', :now::timestamptz), taken from t
  on conflict (mailbox_id, hour) do update set taken = hu.taken + excluded.taken
), domains as (
  insert into ledger.domain_usage as du (domain_id, day, taken)
  select domain_id, (:now::timestamptz at time zone 'UTC')::date, sum(taken) from t group by domain_id
  on conflict (domain_id, day) do update set taken = du.taken + excluded.taken
), accounts as (
  insert into ledger.account_usage as au (account_id, hour, taken)
  select account_id, date_trunc('hour', :now::timestamptz), sum(taken) from t group by account_id
  on conflict (account_id, hour) do update set taken = au.taken + excluded.taken
), gaps as (
  update ledger.mailboxes m
  set next_send_at = :now::timestamptz + make_interval(secs => m.min_gap_seconds)
  from t where t.mailbox_id = m.mailbox_id and m.min_gap_seconds > 0
)
update ledger.provider_accounts a
set last_claim_at = greatest(a.last_claim_at, :now::timestamptz),
  next_send_at = case when a.max_per_second is null then a.next_send_at
    else greatest(a.next_send_at, :now::timestamptz)
      + make_interval(secs => (select sum(taken) from t) / a.max_per_second) end
where a.account_id in (select account_id from t);

-- name: lock_settling_accounts
-- Lock the accounts of these sends' mailboxes: the order account, domain, mailbox, send is that of a claim, so nobody deadlocks.
select account_id from ledger.provider_accounts
where account_id in (
  select m.account_id from ledger.sends s join ledger.mailboxes m using (mailbox_id)
  where s.send_id = any(:send_ids::bigint[]))
order by account_id for no key update;

-- name: lock_settling_domains
-- Lock the domains of these sends' mailboxes, in order.
select domain_id from ledger.sending_domains
where domain_id in (
  select m.domain_id from ledger.sends s join ledger.mailboxes m using (mailbox_id)
  where s.send_id = any(:send_ids::bigint[]))
order by domain_id for no key update;

-- name: lock_settling_mailboxes
-- Lock the mailboxes of these sends, in order.
select mailbox_id from ledger.mailboxes
where mailbox_id in (select s.mailbox_id from ledger.sends s where s.send_id = any(:send_ids::bigint[]))
order by mailbox_id for no key update;

-- name: lock_settling_sends
-- Which of these sends are still this worker's to settle? The lease ends with the first answer, so a repeated one changes nothing.
select send_id, state from ledger.sends
where send_id = any(:send_ids::bigint[]) and worker = :worker::text and lease_until is not null
order by send_id for no key update;

-- name: record_accepted
-- Write the provider's yes. Evidence from events may have come first, and is never undone.
with settled as (
  update ledger.sends s
  set state = case when s.state in ('claimed', 'ambiguous', 'lost') then 'accepted' else s.state end,
    provider_message_id = coalesce(nullif(r.provider_message_id, ''), s.provider_message_id),
    accepted_at = coalesce(s.accepted_at, :now::timestamptz), lease_until = null,
    state_changed_at = case when s.state in ('claimed', 'ambiguous', 'lost') then :now::timestamptz else s.state_changed_at end
  from unnest(:send_ids::bigint[], :provider_message_ids::text[]) as r(send_id, provider_message_id)
  where s.send_id = r.send_id
    and s.state in ('claimed', 'ambiguous', 'lost', 'accepted', 'delivered', 'bounced', 'complained')
  returning s.send_id, s.state, s.mailbox_id, s.claimed_at
), counted as (
  update ledger.mailbox_usage mu set accepted = mu.accepted + n.accepted
  from (
    select s.mailbox_id, (s.claimed_at at time zone m.time_zone)::date as day, count(*) as accepted
    from settled s join ledger.mailboxes m using (mailbox_id) group by 1, 2
  ) n where mu.mailbox_id = n.mailbox_id and mu.day = n.day
)
select send_id, state from settled;

-- name: record_refused
-- Write final refusals, count them for the mailbox, and suppress the addresses that do not exist.
with settled as (
  update ledger.sends s
  set state = 'refused', fault = r.fault, code = r.code, lease_until = null, state_changed_at = :now::timestamptz
  from unnest(:send_ids::bigint[], :faults::text[], :codes::text[]) as r(send_id, fault, code)
  where s.send_id = r.send_id and s.state in ('claimed', 'ambiguous')
  returning s.send_id, s.state, s.mailbox_id, s.claimed_at, s.lead_id, s.fault
), counted as (
  update ledger.mailbox_usage mu
  set refused = mu.refused + n.refused, refused_address = mu.refused_address + n.refused_address
  from (
    select s.mailbox_id, (s.claimed_at at time zone m.time_zone)::date as day, count(*) as refused,
      count(*) filter (where s.fault = 'address') as refused_address
    from settled s join ledger.mailboxes m using (mailbox_id) group by 1, 2
  ) n where mu.mailbox_id = n.mailbox_id and mu.day = n.day
), suppressed as (
  insert into ledger.suppressions (email_hash, email, reason, source, created_at)
  select l.email_hash, l.email, 'hard_bounced', 'send ' || s.send_id, :now::timestamptz
  from settled s join ledger.leads l using (lead_id) where s.fault = 'address'
  on conflict (email_hash) do nothing
)
select send_id, state from settled;

-- name: release_quota!
-- Give back what these claims took, in the buckets that they took it from.
with u as (
  select s.mailbox_id, m.domain_id, m.account_id, (s.claimed_at at time zone m.time_zone)::date as local_day,
    (s.claimed_at at time zone 'UTC')::date as utc_day, date_trunc('hour', s.claimed_at) as hour
  from ledger.sends s join ledger.mailboxes m using (mailbox_id)
  where s.send_id = any(:send_ids::bigint[]) and s.state in ('claimed', 'ambiguous')
), days as (
  update ledger.mailbox_usage mu set taken = greatest(0, mu.taken - n.n)
  from (select mailbox_id, local_day, count(*) as n from u group by 1, 2) n
  where mu.mailbox_id = n.mailbox_id and mu.day = n.local_day
), hours as (
  update ledger.mailbox_hour_usage hu set taken = greatest(0, hu.taken - n.n)
  from (select mailbox_id, hour, count(*) as n from u group by 1, 2) n
  where hu.mailbox_id = n.mailbox_id and hu.hour = n.hour
), domains as (
  update ledger.domain_usage du set taken = greatest(0, du.taken - n.n)
  from (select domain_id, utc_day, count(*) as n from u group by 1, 2) n
  where du.domain_id = n.domain_id and du.day = n.utc_day
)
update ledger.account_usage au set taken = greatest(0, au.taken - n.n)
from (select account_id, hour, count(*) as n from u group by 1, 2) n
where au.account_id = n.account_id and au.hour = n.hour;

-- name: plan_again
-- Put sends back that did not go out, for a later attempt (or at once, where nothing was attempted); not in a cancelled campaign.
update ledger.sends s
set state = case when c.status in ('cancelled', 'deleted') then 'cancelled' else 'planned' end,
  due_at = r.due_at, attempts = s.attempts - case when r.attempted then 0 else 1 end,
  fault = nullif(r.fault, ''), code = nullif(r.code, ''), lease_until = null, worker = null, claimed_at = null,
  state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :due_ats::timestamptz[], :attempted::boolean[], :faults::text[], :codes::text[])
  as r(send_id, due_at, attempted, fault, code), ledger.campaigns c
where s.send_id = r.send_id and c.campaign_id = s.campaign_id and s.state in ('claimed', 'ambiguous')
returning s.send_id, s.state;

-- name: record_ambiguous
-- Write that nobody knows: the answer never came. The quota stays taken.
update ledger.sends s set state = 'ambiguous', code = r.code, state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :codes::text[]) as r(send_id, code)
where s.send_id = r.send_id and s.state = 'claimed'
returning s.send_id, s.state;

-- name: hold_back_mailbox!
-- Claim nothing for a mailbox before that time.
update ledger.mailboxes set next_send_at = greatest(next_send_at, :until::timestamptz) where mailbox_id = :mailbox_id::bigint;

-- name: hold_back_account!
-- Claim nothing for a lane before that time.
update ledger.provider_accounts set next_send_at = greatest(next_send_at, :until::timestamptz) where name = :lane::text;

-- name: expire_leases
-- Whose worker died? Nobody knows whether these went out, so they are never retried by themselves.
with dead as (
  select send_id from ledger.sends where state = 'claimed' and lease_until < :as_of::timestamptz
  order by send_id for no key update skip locked
)
update ledger.sends s set state = 'ambiguous', code = 'lease_expired', state_changed_at = :as_of::timestamptz
from dead where s.send_id = dead.send_id
returning s.send_id;

-- name: lose_old_doubts
-- Which ambiguous sends brought no evidence for so long that they count as lost?
with old as (
  select send_id from ledger.sends where state = 'ambiguous' and state_changed_at < :before::timestamptz
  order by send_id for no key update skip locked
)
update ledger.sends s set state = 'lost', state_changed_at = :as_of::timestamptz
from old where s.send_id = old.send_id
returning s.send_id;

-- name: ambiguous_sends
-- Which sends may or may not have gone out? Oldest first.
select s.send_id, s.campaign_id, c.name as campaign_name, s.step, s.lead_id, s.mailbox_id, m.address as mailbox_address,
  s.claimed_at, s.state_changed_at as since, coalesce(s.code, '') as code
from ledger.sends s join ledger.campaigns c using (campaign_id) join ledger.mailboxes m using (mailbox_id)
where s.state = 'ambiguous'
order by s.state_changed_at, s.send_id
limit :row_limit::integer;

-- name: settle_ambiguous
-- Write a person's decision on an ambiguous send; its claim time is the best knowledge of when it went out.
with settled as (
  update ledger.sends
  set state = :state::text, state_changed_at = :as_of::timestamptz,
    accepted_at = case when :state::text = 'accepted' then coalesce(accepted_at, claimed_at) else accepted_at end
  where send_id = :send_id::bigint and state = 'ambiguous'
  returning send_id, mailbox_id, claimed_at
), counted as (
  update ledger.mailbox_usage mu set accepted = mu.accepted + 1
  from settled s join ledger.mailboxes m using (mailbox_id)
  where :state::text = 'accepted' and mu.mailbox_id = s.mailbox_id
    and mu.day = (s.claimed_at at time zone m.time_zone)::date
)
select send_id from settled;

-- name: state_of_send
-- Where does a send stand?
select state from ledger.sends where send_id = :send_id::bigint;

-- name: variants_of_sends
-- What is the content of these variants?
select v.variant_id, v.campaign_id, v.step, v.subject, v.body_html, v.body_text, c.track_opens, c.track_clicks
from ledger.variants v join ledger.campaigns c using (campaign_id)
where v.variant_id = any(:variant_ids::bigint[]);

-- name: organisation_of_mails
-- Who is behind the mails?
select name, postal_address, website from ledger.organisation;
