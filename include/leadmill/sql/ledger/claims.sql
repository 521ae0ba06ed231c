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
-- Take the next entries off the queue: each mailbox's follow-ups, then first mails of the pool's campaigns in turn, as many
-- as there is room for. What do the sends' rows say, may their leads still be mailed? What somebody else holds stays queued.
with running as materialized (
  -- How far has each campaign come? Who was idle brings no turns along.
  select c.campaign_id, c.pool_id, c.weight, greatest(t.turn, pt.turn, 0) as turn, coalesce(pt.owed, 0) as owed,
    p.room, p.look_ahead,
    exists (select from ledger.due_sends d where d.campaign_id = c.campaign_id and d.mailbox_id = 0
      and d.due_at <= :as_of::timestamptz) as has_first_mails,
    -- Asked once a campaign: with fifty campaigns, most of which have no follow-ups due, a look for each mailbox adds up.
    exists (select from ledger.due_sends d where d.campaign_id = c.campaign_id and d.mailbox_id > 0)
      or exists (select from ledger.due_sends d where d.campaign_id = c.campaign_id and d.mailbox_id = -1) as has_follow_ups
  from unnest(:pool_ids::bigint[], :pool_rooms::integer[], :look_aheads::integer[]) as p(pool_id, room, look_ahead)
  join ledger.campaigns c on c.pool_id = p.pool_id
  left join ledger.pool_turns pt on pt.pool_id = p.pool_id
  left join ledger.campaign_turns t on t.campaign_id = c.campaign_id
  where c.status = 'running' and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
    and (c.ends_at is null or c.ends_at > :now::timestamptz)
), due_follow_ups as materialized (
  select d.*, r.campaign_id, r.pool_id, r.room as pool_room, m.mailbox_id, m.room,
    row_number() over (partition by r.pool_id, m.mailbox_id order by d.due_at, d.priority desc, d.send_id) as nth_of_mailbox
  from running r
  cross join unnest(:mailbox_ids::bigint[], :rooms::integer[]) as m(mailbox_id, room)
  cross join lateral (
    select d.ctid as entry, d.send_id, d.due_at, d.priority from ledger.due_sends d
    where d.campaign_id = r.campaign_id and d.mailbox_id = m.mailbox_id and d.due_at <= :as_of::timestamptz
    order by d.due_at, d.priority desc, d.send_id limit m.room
  ) d
  where r.has_follow_ups
), follow_ups as materialized (
  select f.*, row_number() over (partition by f.pool_id order by f.due_at, f.priority desc, f.send_id) as nth
  from due_follow_ups f where f.nth_of_mailbox <= f.room
), rooms as materialized (
  -- How many follow-ups have the right of way, and are there more, so that a share is left for other campaigns' first mails?
  select p.*, p.room - p.left_to_others as first_follow_ups, p.follow_ups > p.room - p.left_to_others as are_many
  from (
    select r.pool_id, max(r.room) as room,
      floor(max(r.room) * :others_share::float8 + max(r.owed) * (1 - :others_share::float8))::integer as left_to_others,
      (select count(*)::integer from follow_ups f where f.pool_id = r.pool_id) as follow_ups
    from running r group by r.pool_id
  ) p
), standing as materialized (
  select r.campaign_id, r.pool_id, r.room, r.look_ahead, r.turn, r.weight, p.follow_ups, p.first_follow_ups, p.are_many,
    p.are_many and r.campaign_id = any(array(select distinct f.campaign_id from due_follow_ups f)) as goes_last
  from running r join rooms p on p.pool_id = r.pool_id where r.has_first_mails
), levels as materialized (
  -- How far would the campaigns come that have come least far, if none ran out? The water level of their turns.
  select pool_id, goes_last, min(turn) as least, min(level) as level from (
    select s.*, (room + sum(weight * turn) over least_far) / sum(weight) over least_far as level from standing s
    window least_far as (partition by pool_id, goes_last order by turn, campaign_id)
  ) filled group by pool_id, goes_last
), shares as materialized (
  select s.*, l.least, l.level, ceil(s.look_ahead::float8 * d.share / s.room)::integer as ahead, d.share,
    -- Where a claim is full of follow-ups: after those with the right of way; otherwise after all of them.
    case when not s.are_many then s.follow_ups::float8 / s.room when s.goes_last then 2e6
      else s.first_follow_ups::float8 / s.room end as begins
  from standing s join levels l on l.pool_id = s.pool_id and l.goes_last = s.goes_last
  cross join lateral (select greatest(0, least(s.room, 1 + ceil((l.level - s.turn) * s.weight)))::integer as share) d
), first_look as materialized (
  select d.entry, d.send_id, d.due_at, s.pool_id, s.campaign_id, s.goes_last, d.nth = s.share as is_full,
    s.begins + (s.turn + (d.nth - 1) / s.weight - s.least) / (s.level - s.least) as place
  from shares s
  cross join lateral ledger.due_first_mails(s.campaign_id, :as_of::timestamptz, s.ahead, 0, s.share) d
  where s.share > 0
), second_look as (
  -- Where some had less due than their share, the others fill the room.
  select d.entry, d.send_id, d.due_at, s.campaign_id,
    s.begins + (s.turn + (d.nth - 1) / s.weight - s.least) / (s.level - s.least) as place
  from (select pool_id, goes_last, count(*)::integer as found from first_look group by pool_id, goes_last) l
  join shares s on s.pool_id = l.pool_id and s.goes_last = l.goes_last and s.room > l.found
    and (s.share = 0 or s.campaign_id = any(array(select f.campaign_id from first_look f where f.is_full)))
  cross join lateral ledger.due_first_mails(s.campaign_id, :as_of::timestamptz, s.ahead, s.share, s.room - l.found) d
), entries as materialized (
  -- `place`: how full the pool's room is by then; from a million on, what goes only where room is left.
  select * from (
    select entry, send_id, 0::bigint as mailbox_id, due_at, campaign_id, place from first_look
    union all
    select entry, send_id, 0, due_at, campaign_id, place from second_look
    union all
    select f.entry, f.send_id, f.mailbox_id, f.due_at, f.campaign_id,
      case when f.nth > p.first_follow_ups then 1e6 else 0 end + (f.nth - 1)::float8 / f.pool_room
    from follow_ups f join rooms p on p.pool_id = f.pool_id
  ) every order by place, campaign_id limit :row_limit::integer
), held as materialized (
  select e.entry, e.place, e.due_at as queued_until, s.send_id, s.campaign_id, s.variant_id, s.lead_id, s.step, s.attempts,
    s.priority, s.due_at, s.window_ends_at, s.claim_id is null as is_first_claim, s.mailbox_id as preferred_mailbox_id, e.mailbox_id as thread_mailbox_id,
    s.state = 'planned' and s.due_at <= :as_of::timestamptz
      and (s.window_ends_at is null or s.window_ends_at > :now::timestamptz) as is_due
  from entries e join ledger.sends s on s.send_id = e.send_id
  for no key update of s skip locked
), taken as (
  delete from ledger.due_sends d where d.ctid = any(array(select entry from held))
)
select h.send_id, h.campaign_id, c.pool_id, h.variant_id, h.lead_id, h.attempts, h.preferred_mailbox_id,
  case when h.thread_mailbox_id > 0 then h.thread_mailbox_id end as sticky_mailbox_id, h.is_due, h.window_ends_at,
  case when l.email is null or l.erased_at is not null then 'erased' else coalesce(x.reason, (
    select b.reason from ledger.suppressions b
    where b.email is not null and b.reason <> 'hard_bounced' and b.reason <> 'refuses_us' and ledger.inbox(b.email) = ledger.inbox(l.email)
    limit 1)) end as suppressed_by,
  case when h.step > 1 then (
    select case when p.replied_at is not null then 'replied' else p.state end
    from ledger.sends p
    where p.lead_id = h.lead_id and p.campaign_id = h.campaign_id and p.step < h.step
      and (p.replied_at is not null or ledger.ends_sequence(p.state, p.bounce_kind, c.ends_on_any_bounce)) limit 1) end
    as ended_by,
  h.place, nullif(h.queued_until, h.due_at) as queued_until, h.priority, l.email, l.email_hash, h.step,
  -- Only whom several campaigns mail, or whose own sequence is longer than a week's cap, is looked at once more.
  h.step > :cap::integer or ((select exists (select from ledger.shared_leads))
    and exists (select from ledger.shared_leads sl where sl.lead_id = h.lead_id)) as needs_look,
  h.is_first_claim
from held h
join ledger.campaigns c on c.campaign_id = h.campaign_id
join ledger.leads l on l.lead_id = h.lead_id
left join ledger.suppressions x on x.email_hash = l.email_hash;

-- name: leads_of_sends
-- What do the templates of these leads' mails read?
select l.lead_id, l.first_name, l.last_name, l.company, l.job_title, l.industry, l.category, l.employee_count, l.phone,
  l.website, l.country, l.region, l.city, case when l.attributes <> '{}' then l.attributes::text end as attributes
from unnest(:lead_ids::bigint[]) as wanted(lead_id) join ledger.leads l using (lead_id);

-- name: mails_before
-- Which mails did the leads of these follow-ups get before in the same campaign, and by which account did each leave?
select f.send_id, p.send_id as earlier_send_id, p.variant_id, d.name as domain, a.provider,
  jsonb_build_object('region', a.config -> 'region', 'host', a.config -> 'host', 'preset', a.config -> 'preset')::text
    as config,
  coalesce(p.provider_message_id, p.queue_id, '') as provider_id
from unnest(:send_ids::bigint[]) as wanted(send_id)
join ledger.sends f on f.send_id = wanted.send_id
join ledger.sends p on p.lead_id = f.lead_id and p.campaign_id = f.campaign_id and p.step < f.step
  and p.state in ('accepted', 'delivered')
join ledger.mailboxes m on m.mailbox_id = p.mailbox_id
join ledger.sending_domains d on d.domain_id = m.domain_id
left join ledger.claims c on c.claim_id = p.claim_id
join ledger.provider_accounts a on a.account_id = coalesce(c.account_id, m.account_id)
order by f.send_id, p.step;

-- name: tried_sends
-- Which of these did a server put off before?
select send_id from ledger.sends where send_id = any(:send_ids::bigint[]) and (fault is not null or attempts > 0);

-- name: put_back!
-- Queue sends again that a claim took off the queue and could not use, at the given times, or at their own.
insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
select s.campaign_id, r.mailbox_id, coalesce(r.due_at, s.due_at), s.priority, s.send_id
from unnest(:send_ids::bigint[], :mailbox_ids::bigint[], :due_ats::timestamptz[]) as r(send_id, mailbox_id, due_at)
join ledger.sends s on s.send_id = r.send_id;

-- name: withdraw_sends!
-- Take sends out whose lead must not be mailed (suppressed) or whose sequence ended (cancelled).
update ledger.sends s set state = w.state, code = w.code, state_changed_at = :now::timestamptz
from unnest(:send_ids::bigint[], :states::text[], :codes::text[]) as w(send_id, state, code)
where s.send_id = w.send_id and s.state = 'planned';

-- name: claim_sends
-- Mark sends, whose rows this transaction holds, as one worker's own until the lease ends; which claim is that?
with opened as (
  insert into ledger.claims
    (worker, account_id, claimed_at, lease_until, send_ids, mailbox_ids, reasons, situation, open_count)
  values (:worker::text, :account_id::bigint, :now::timestamptz, :lease_until::timestamptz, :send_ids::bigint[],
    :mailbox_ids::bigint[], :reasons::text[], :situation::jsonb, cardinality(:send_ids::bigint[]))
  returning claim_id
), marked as (
  update ledger.sends s
  set state = 'claimed', claimed_at = :now::timestamptz, claim_id = opened.claim_id, answered = false,
    mailbox_id = a.mailbox_id, attempts = s.attempts + 1, fault = null, code = null, state_changed_at = :now::timestamptz
  from opened, unnest(:send_ids::bigint[], :mailbox_ids::bigint[]) as a(send_id, mailbox_id)
  where s.send_id = a.send_id and s.state = 'planned'
)
select claim_id from opened;
