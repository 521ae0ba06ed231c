-- name: lock_senders
-- Lock the pools, the domains and then the mailboxes of a lane, after its account: who shares them with another lane takes
-- turns with it. Each set waits for the count of the one before, so that everybody locks in this order.
with pools as materialized (
  select pool_id from ledger.pools
  where pool_id in (select m.pool_id from ledger.mailboxes m where m.account_id = :account_id::bigint)
  order by pool_id for no key update
), domains as materialized (
  select domain_id from ledger.sending_domains
  where (select count(*) from pools) >= 0
    and domain_id in (select m.domain_id from ledger.mailboxes m where m.account_id = :account_id::bigint)
  order by domain_id for no key update
), mailboxes as materialized (
  select mailbox_id from ledger.mailboxes
  where (select count(*) from domains) >= 0 and account_id = :account_id::bigint
  order by mailbox_id for no key update
)
select count(*) as mailboxes from mailboxes;

-- name: keep_to_indexes!
-- Plan the rest of a transaction once a connection, and by index look-ups only, however long queue and tables are when it is
-- planned or become afterwards: a plan that reads them whole must never be chosen.
select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_hashjoin', 'off', true),
  set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true);

-- name: take_due_sends
-- Take the next entries off the queue, from each pool and for each thread's mailbox as many as it has room for; what do
-- the sends' own rows say, and may their leads still be mailed? A send that somebody else holds stays queued.
with entries as materialized (
  select q.entry, q.send_id, q.mailbox_id, q.due_at, q.priority
  from unnest(:pool_ids::bigint[], :pool_rooms::integer[], :look_aheads::integer[]) as p(pool_id, room, look_ahead)
  join ledger.campaigns c on c.pool_id = p.pool_id
  cross join lateral (
    select * from (
      -- Where mailboxes warm up, the most engaged of the next thousand go first.
      select ahead.*, case when p.look_ahead > 0 then ahead.priority else 0::real end as engagement from (
        select d.ctid as entry, d.send_id, d.mailbox_id, d.due_at, d.priority from ledger.due_sends d
        where d.campaign_id = c.campaign_id and d.mailbox_id = 0 and d.due_at <= :as_of::timestamptz
        order by d.due_at, d.priority desc, d.send_id limit greatest(p.room, p.look_ahead)
      ) ahead order by engagement desc, due_at, priority desc, send_id limit p.room
    ) anyones
    union all
    select own.*, case when p.look_ahead > 0 then 'infinity'::real else 0::real end as engagement
    from unnest(:mailbox_ids::bigint[], :rooms::integer[]) as m(mailbox_id, room) cross join lateral (
      select d.ctid as entry, d.send_id, d.mailbox_id, d.due_at, d.priority from ledger.due_sends d
      where d.campaign_id = c.campaign_id and d.mailbox_id = m.mailbox_id and d.due_at <= :as_of::timestamptz
      order by d.due_at, d.priority desc, d.send_id limit m.room
    ) own
    -- Asked once a campaign: with fifty campaigns, most of which have no follow-ups due, a look for each mailbox adds up.
    where (select exists (select from ledger.due_sends f where f.campaign_id = c.campaign_id and f.mailbox_id > 0))
  ) q
  where c.status = 'running' and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
    and (c.ends_at is null or c.ends_at > :now::timestamptz)
  order by q.engagement desc, q.due_at, q.priority desc, q.send_id
  limit :row_limit::integer
), held as materialized (
  select e.entry, e.due_at as place, s.send_id, s.campaign_id, s.variant_id, s.lead_id, s.step, s.attempts, s.priority,
    s.due_at, s.window_ends_at, s.mailbox_id as preferred_mailbox_id, e.mailbox_id as thread_mailbox_id,
    s.state = 'planned' and s.due_at <= :as_of::timestamptz
      and (s.window_ends_at is null or s.window_ends_at > :now::timestamptz) as is_due
  from entries e join ledger.sends s on s.send_id = e.send_id
  for no key update of s skip locked
), taken as (
  delete from ledger.due_sends d where d.ctid = any(array(select entry from held))
)
select h.send_id, h.campaign_id, c.pool_id, h.variant_id, h.lead_id, h.attempts, h.preferred_mailbox_id,
  nullif(h.thread_mailbox_id, 0) as sticky_mailbox_id, h.is_due, h.window_ends_at,
  case when l.email is null or l.erased_at is not null then 'erased' else coalesce(x.reason, (
    select b.reason from ledger.suppressions b
    where b.email is not null and b.reason <> 'hard_bounced' and ledger.inbox(b.email) = ledger.inbox(l.email)
    limit 1)) end as suppressed_by,
  case when h.step > 1 then (
    select case when p.replied_at is not null then 'replied' else p.state end
    from ledger.sends p
    where p.lead_id = h.lead_id and p.campaign_id = h.campaign_id and p.step < h.step
      and (p.replied_at is not null or p.state in ('bounced', 'dropped', 'complained')) limit 1) end as ended_by,
  h.place, h.priority, l.email
from held h
join ledger.campaigns c on c.campaign_id = h.campaign_id
join ledger.leads l on l.lead_id = h.lead_id
left join ledger.suppressions x on x.email_hash = l.email_hash;

-- name: leads_of_sends
-- What do the templates of these leads' mails read?
select l.lead_id, l.first_name, l.last_name, l.company, l.job_title, l.industry, l.category, l.employee_count, l.phone,
  l.website, l.country, l.region, l.city, case when l.attributes <> '{}' then l.attributes::text end as attributes
from unnest(:lead_ids::bigint[]) as wanted(lead_id) join ledger.leads l using (lead_id);

-- name: put_back!
-- Queue sends again that a claim took off the queue and could not use, not before the given times.
insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
select s.campaign_id, r.mailbox_id, r.due_at, s.priority, s.send_id
from unnest(:send_ids::bigint[], :mailbox_ids::bigint[], :due_ats::timestamptz[]) as r(send_id, mailbox_id, due_at)
join ledger.sends s on s.send_id = r.send_id;

-- name: withdraw_sends!
-- Take sends out whose lead must not be mailed (suppressed) or whose sequence ended (cancelled).
update ledger.sends s set state = w.state, code = w.code, state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :states::text[], :codes::text[]) as w(send_id, state, code)
where s.send_id = w.send_id and s.state = 'planned';

-- name: claim_sends!
-- Mark sends, whose rows this transaction holds, as one worker's own until the lease ends.
with opened as (
  insert into ledger.claims
    (worker, account_id, claimed_at, lease_until, send_ids, mailbox_ids, reasons, situation, open_count)
  values (:worker::text, :account_id::bigint, :now::timestamptz, :lease_until::timestamptz, :send_ids::bigint[],
    :mailbox_ids::bigint[], :reasons::text[], :situation::jsonb, cardinality(:send_ids::bigint[]))
  returning claim_id
)
update ledger.sends s
set state = 'claimed', claimed_at = :now::timestamptz, claim_id = opened.claim_id, answered = false,
  mailbox_id = a.mailbox_id, attempts = s.attempts + 1, fault = null, code = null, state_changed_at = :now::timestamptz
from opened, unnest(:send_ids::bigint[], :mailbox_ids::bigint[]) as a(send_id, mailbox_id)
where s.send_id = a.send_id and s.state = 'planned';
