-- name: lock_settling_accounts
-- Lock the accounts of these sends' mailboxes: the order account, domain, mailbox, send is a claim's, so nobody deadlocks.
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
-- Which of these sends are still this worker's to settle? The first answer ends that, so a repeated one changes nothing.
-- What is planned anew although this worker claimed it last is so on a person's word (or on the worker's own).
select send_id, state from ledger.sends
where send_id = any(:send_ids::bigint[]) and (not answered or state = 'planned')
  and claim_id in (select c.claim_id from ledger.claims c where c.worker = :worker::text)
order by send_id for no key update;

-- name: record_claimed_accepted^
-- Write the provider's yes to those of these sends that are claimed as ever; which are they, and has any a later step?
with mine as materialized (
  select c.claim_id, a.provider = 'smtp' and not a.config ? 'preset' as is_plain_smtp
  from ledger.claims c join ledger.provider_accounts a using (account_id)
  where c.worker = :worker::text and not c.is_swept
  order by c.claim_id for no key update of c -- claims before sends, as the sweep of dead leases locks them
), settled as (
  update ledger.sends s
  set state = 'accepted', accepted_at = coalesce(s.accepted_at, :now::timestamptz), answered = true,
    state_changed_at = :now::timestamptz,
    provider_message_id = case when (select bool_or(is_plain_smtp) from mine) or r.provider_message_id = ''
      then s.provider_message_id else r.provider_message_id end,
    queue_id = case when (select bool_or(is_plain_smtp) from mine) and r.provider_message_id <> ''
      then r.provider_message_id else s.queue_id end
  from unnest(:send_ids::bigint[], :provider_message_ids::text[]) as r(send_id, provider_message_id)
  where s.send_id = r.send_id and s.state = 'claimed' and not s.answered
    and s.claim_id = any(array(select claim_id from mine)) -- a worker has one to three open claims
  returning s.send_id, s.mailbox_id, s.claimed_at, s.claim_id, s.campaign_id, s.step
), closed as (
  update ledger.claims c set open_count = c.open_count - n.answers, is_swept = c.open_count <= n.answers
  from (select claim_id, count(*) as answers from settled group by claim_id) n where c.claim_id = n.claim_id
), counted as (
  insert into ledger.mailbox_usage as mu (mailbox_id, day, accepted)
  select n.mailbox_id, (n.claimed_at at time zone m.time_zone)::date, sum(n.answers)
  from (select mailbox_id, claimed_at, count(*) as answers from settled group by 1, 2) n
  join ledger.mailboxes m using (mailbox_id)
  group by 1, 2 order by 1, 2
  on conflict (mailbox_id, day) do update set accepted = mu.accepted + excluded.accepted
)
select array(select send_id from settled) as send_ids, exists (
  select from (select distinct campaign_id, step from settled) s
  join ledger.campaign_steps st on st.campaign_id = s.campaign_id and st.step > s.step) as has_follow_ups;

-- name: record_accepted
-- Write the provider's yes, one by one. Evidence from events may have come first, and is never undone; a person's word that
-- the mail should go out again is, while it did not.
with route as (
  select coalesce(bool_or(a.provider = 'smtp' and not a.config ? 'preset'), false) as is_plain_smtp
  from ledger.provider_accounts a
  where a.account_id = (select max(c.account_id) from ledger.claims c where c.worker = :worker::text)
), settled as (
  update ledger.sends s
  set state = case when s.state in ('claimed', 'ambiguous', 'lost', 'planned') then 'accepted' else s.state end,
    provider_message_id = case when route.is_plain_smtp or r.provider_message_id = '' then s.provider_message_id
      else r.provider_message_id end,
    queue_id = case when route.is_plain_smtp and r.provider_message_id <> '' then r.provider_message_id
      else s.queue_id end,
    accepted_at = coalesce(s.accepted_at, :now::timestamptz), answered = true,
    state_changed_at = case when s.state in ('claimed', 'ambiguous', 'lost', 'planned') then :now::timestamptz
      else s.state_changed_at end
  from route, unnest(:send_ids::bigint[], :provider_message_ids::text[]) as r(send_id, provider_message_id)
  where s.send_id = r.send_id
    and s.state in ('claimed', 'ambiguous', 'lost', 'planned', 'accepted', 'delivered', 'dropped', 'bounced', 'complained')
  returning s.send_id, s.state, s.mailbox_id, coalesce(s.claimed_at, :now::timestamptz) as claimed_at
), counted as (
  insert into ledger.mailbox_usage as mu (mailbox_id, day, accepted)
  select s.mailbox_id, (s.claimed_at at time zone m.time_zone)::date, count(*)
  from settled s join ledger.mailboxes m using (mailbox_id)
  group by 1, 2 order by 1, 2
  on conflict (mailbox_id, day) do update set accepted = mu.accepted + excluded.accepted
)
select send_id, state from settled;

-- name: record_refused
-- Write final refusals, count them for the mailbox, and suppress the addresses that do not exist, or take no mail from us
-- (which is no bounce).
with settled as (
  update ledger.sends s
  set state = 'refused', fault = r.fault, code = r.code, answered = true, state_changed_at = :now::timestamptz
  from unnest(:send_ids::bigint[], :faults::text[], :codes::text[]) as r(send_id, fault, code)
  where s.send_id = r.send_id and s.state in ('claimed', 'ambiguous')
  returning s.send_id, s.state, s.mailbox_id, s.claimed_at, s.lead_id, s.fault, s.code like '%%refuses-us' as refuses_us
), counted as (
  insert into ledger.mailbox_usage as mu (mailbox_id, day, refused, refused_address)
  select s.mailbox_id, (s.claimed_at at time zone m.time_zone)::date, count(*),
    count(*) filter (where s.fault = 'address' and not s.refuses_us)
  from settled s join ledger.mailboxes m using (mailbox_id)
  group by 1, 2 order by 1, 2
  on conflict (mailbox_id, day) do update
  set refused = mu.refused + excluded.refused, refused_address = mu.refused_address + excluded.refused_address
), suppressed as (
  insert into ledger.suppressions (email_hash, email, reason, source, created_at)
  select l.email_hash, l.email, case when s.refuses_us then 'refuses_us' else 'hard_bounced' end, 'send ' || s.send_id, :now::timestamptz
  from settled s join ledger.leads l using (lead_id) where s.fault = 'address'
  on conflict (email_hash) do nothing
)
select send_id, state from settled;

-- name: release_quota!
-- Give back what these claims took, in the buckets that they took it from.
with u as (
  select s.send_id, s.claim_id, s.mailbox_id, m.domain_id, coalesce(c.account_id, m.account_id) as account_id,
    (s.claimed_at at time zone m.time_zone)::date as local_day,
    (s.claimed_at at time zone 'UTC')::date as utc_day, date_trunc('hour', s.claimed_at) as hour
  from ledger.sends s join ledger.mailboxes m using (mailbox_id)
  left join ledger.claims c using (claim_id)  -- the mailbox may have moved to another account since
  where s.send_id = any(:send_ids::bigint[]) and s.state in ('claimed', 'ambiguous')
), families as (
  -- A reason names the limited family of recipient domains behind its word: "rotation gmail".
  select u.domain_id, split_part(r.reason, ' ', 2) as family, u.hour, count(*) as n
  from (
    select x.send_id, x.reason
    from ledger.claims c cross join lateral unnest(c.send_ids, c.reasons) as x(send_id, reason)
    where c.claim_id in (select claim_id from u) and x.reason like '%% %%'
  ) r join u using (send_id)
  group by 1, 2, 3
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
), recipients as (
  update ledger.recipient_usage ru set taken = greatest(0, ru.taken - f.n)
  from families f where ru.domain_id = f.domain_id and ru.family = f.family and ru.hour = f.hour
)
update ledger.account_usage au set taken = greatest(0, au.taken - n.n)
from (select account_id, hour, count(*) as n from u group by 1, 2) n
where au.account_id = n.account_id and au.hour = n.hour;

-- name: plan_again
-- Put sends back that did not go out, for a later attempt (or at once, where nothing was attempted); not in a cancelled campaign.
update ledger.sends s
set state = case when c.status in ('cancelled', 'deleted') then 'cancelled' else 'planned' end,
  due_at = r.due_at, attempts = s.attempts - case when r.attempted then 0 else 1 end,
  fault = nullif(r.fault, ''), answered = true, claimed_at = null,
  code = case when c.status in ('cancelled', 'deleted') then 'campaign_cancelled' else nullif(r.code, '') end,
  state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :due_ats::timestamptz[], :attempted::boolean[], :faults::text[], :codes::text[])
  as r(send_id, due_at, attempted, fault, code), ledger.campaigns c
where s.send_id = r.send_id and c.campaign_id = s.campaign_id and s.state in ('claimed', 'ambiguous')
returning s.send_id, s.state;

-- name: take_back
-- Write that claimed sends never went out and will not: their leads must not be mailed (suppressed), or their sequence
-- ended (cancelled). What was never attempted has no mailbox.
update ledger.sends s
set state = r.state, code = r.code, attempts = s.attempts - 1, answered = true, claimed_at = null,
  mailbox_id = case when s.attempts > 1 then s.mailbox_id end, state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :states::text[], :codes::text[]) as r(send_id, state, code)
where s.send_id = r.send_id and s.state in ('claimed', 'ambiguous')
returning s.send_id, s.state;

-- name: record_ambiguous
-- Write that nobody knows: the answer never came. The quota stays taken.
update ledger.sends s set state = 'ambiguous', code = r.code, state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :codes::text[]) as r(send_id, code)
where s.send_id = r.send_id and s.state = 'claimed'
returning s.send_id, s.state;
