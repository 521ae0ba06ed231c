-- name: awaiting_plan
-- Which approved campaigns have no plan yet?
select campaign_id from ledger.campaigns where status = 'approved' order by approved_at, campaign_id;

-- name: lock_approved^
-- Hold an approved campaign for planning; nothing comes back where somebody else planned it.
select c.campaign_id, c.segment, c.seed, c.timing, c.send_hour, p.accepts_legal_bases,
  greatest(coalesce(c.starts_at, :as_of::timestamptz), :as_of::timestamptz) as earliest
from ledger.campaigns c join ledger.pools p on p.pool_id = c.pool_id
where c.campaign_id = :campaign_id::bigint and c.status = 'approved' for update of c;

-- name: plan_sends^
-- Make one send row per step and mailable lead; how large is the audience, and who is left out for which reason?
with audience as materialized (
  select a.lead_id, a.probability, a.left_out, h.zone, h.hours, row(h.zone, h.hours)::text as habit
  from ledger.audience(:segment::jsonb, :accepts::text[]) a
  join ledger.leads l on l.lead_id = a.lead_id
  left join ledger.lead_windows w on w.lead_id = a.lead_id
  cross join lateral (
    select coalesce(w.time_zone, nullif(l.time_zone, ''), 'UTC') as zone, w.local_hours[1 : 12] as hours
  ) h
), windows as materialized (
  select k.habit, w.due_at, w.window_ends_at
  from (
    select habit, min(zone) as zone, min(hours) as hours from audience where left_out is null group by habit
  ) k
  cross join lateral ledger.send_window(
    :timing::text, :send_hour::smallint, :earliest::timestamptz, k.zone, k.hours) w
), shares as materialized (
  select v.step, v.variant_id, v.step = min(v.step) over () as is_first,
    coalesce(sum(v.weight::float8) over earlier, 0) / sum(v.weight::float8) over whole as low,
    coalesce(sum(v.weight::float8) over earlier, 0) / sum(v.weight::float8) over whole
      + v.weight::float8 / sum(v.weight::float8) over whole
      + case when v.variant_id = max(v.variant_id) over whole then 1 else 0 end as high
  from ledger.variants v where v.campaign_id = :campaign_id::bigint
  window whole as (partition by v.step),
    earlier as (partition by v.step order by v.variant_id rows between unbounded preceding and 1 preceding)
), inserted as (
  insert into ledger.sends
    (campaign_id, step, lead_id, variant_id, due_at, window_ends_at, priority, state_changed_at)
  select :campaign_id::bigint, v.step, a.lead_id, v.variant_id, case when v.is_first then w.due_at end,
    case when v.is_first then w.window_ends_at end, a.probability, :as_of::timestamptz
  from audience a
  join windows w on w.habit = a.habit
  join shares v on (hashint8extended(a.lead_id, :seed::bigint + v.step) & 9223372036854775807)::float8
    / 9223372036854775808 >= v.low
    and (hashint8extended(a.lead_id, :seed::bigint + v.step) & 9223372036854775807)::float8
    / 9223372036854775808 < v.high
  where a.left_out is null
  order by v.step, a.lead_id                  -- in the order of the unique index: its pages are written once
  on conflict on constraint sends_once do nothing
  returning 1
)
select (select count(*) from audience) as audience_count,
  (select count(*) from inserted) as rows_created,
  coalesce((select jsonb_object_agg(left_out, leads) from (
    select left_out, count(*) as leads from audience where left_out is not null group by left_out) r), '{}') as left_out;

-- name: mark_planned!
-- A planned campaign runs.
update ledger.campaigns
set status = 'running', planned_at = :as_of::timestamptz, updated_at = :as_of::timestamptz,
  audience_count = :audience_count::bigint, left_out = :left_out::jsonb
where campaign_id = :campaign_id::bigint and status = 'approved';

-- name: suppress_planned
-- Whose planned sends must not go out any more, because the address, or another of its inbox, was suppressed or erased meanwhile?
with gone as (
  select s.send_id, coalesce(x.reason, b.reason, 'erased') as reason
  from ledger.campaigns c
  join ledger.sends s on s.campaign_id = c.campaign_id
  join ledger.leads l on l.lead_id = s.lead_id
  left join ledger.suppressions x on x.email_hash = l.email_hash
  left join ledger.barred_inboxes b on b.inbox = ledger.inbox(l.email)
  where c.status not in ('finished', 'cancelled', 'deleted') and s.state = 'planned' and (x.email_hash is not null or b.inbox is not null or l.email is null)
  for update of s skip locked
)
update ledger.sends s set state = 'suppressed', code = gone.reason, state_changed_at = :as_of::timestamptz
from gone where s.send_id = gone.send_id
returning s.send_id;

-- name: missed_releases
-- Accepted sends whose follow-up still waits, because nobody came to release it.
with steps as (
  select campaign_id, step, lag(step) over (partition by campaign_id order by step) as step_before
  from ledger.campaign_steps
)
select before.send_id
from ledger.campaigns c
join ledger.sends s on s.campaign_id = c.campaign_id
join steps st on st.campaign_id = s.campaign_id and st.step = s.step
join ledger.sends before on before.lead_id = s.lead_id
  and before.campaign_id + 0 = s.campaign_id + 0 and before.step = st.step_before -- "+ 0": look it up by lead
where c.status not in ('finished', 'cancelled', 'deleted') and s.state = 'planned' and s.due_at is null and before.state in ('accepted', 'delivered')
  and before.replied_at is null
limit 100000;

-- name: cancel_orphans
-- Which follow-ups can never become due, because the step before will not be accepted or ended the conversation?
with steps as (
  select campaign_id, step, lag(step) over (partition by campaign_id order by step) as step_before
  from ledger.campaign_steps
), orphans as (
  select s.send_id, case when before.replied_at is not null then 'replied' else 'after_' || before.state end as cause
  from ledger.campaigns c
  join ledger.sends s on s.campaign_id = c.campaign_id
  join steps st on st.campaign_id = s.campaign_id and st.step = s.step
  join ledger.sends before on before.lead_id = s.lead_id
    and before.campaign_id + 0 = s.campaign_id + 0 and before.step = st.step_before -- "+ 0": look it up by lead
  where c.status not in ('finished', 'cancelled', 'deleted') and s.state = 'planned'
    and (before.state in ('suppressed', 'bounced', 'dropped', 'complained', 'refused', 'lost', 'cancelled', 'expired')
      or before.replied_at is not null)
  for update of s skip locked
)
update ledger.sends s set state = 'cancelled', code = orphans.cause, state_changed_at = :as_of::timestamptz
from orphans where s.send_id = orphans.send_id
returning s.send_id;

-- name: expire_planned
-- Which sends are too late, because their campaign has ended?
with late as (
  select s.send_id from ledger.campaigns c join ledger.sends s on s.campaign_id = c.campaign_id
  where c.status not in ('finished', 'cancelled', 'deleted') and s.state = 'planned'
    and c.ends_at <= :as_of::timestamptz
  for update of s skip locked
)
update ledger.sends s set state = 'expired', code = 'campaign_ended', state_changed_at = :as_of::timestamptz
from late where s.send_id = late.send_id
returning s.send_id;

-- name: roll_windows
-- Which sends missed their window and wait for the next one?
with missed as (
  select s.send_id, w.due_at, w.window_ends_at
  from ledger.sends s
  join ledger.campaigns c on c.campaign_id = s.campaign_id
  join ledger.leads l on l.lead_id = s.lead_id
  left join ledger.lead_windows lw on lw.lead_id = s.lead_id
  cross join lateral ledger.send_window(c.timing, c.send_hour, :as_of::timestamptz,
    coalesce(lw.time_zone, nullif(l.time_zone, ''), 'UTC'), lw.local_hours) w
  where s.state = 'planned' and s.window_ends_at <= :as_of::timestamptz and c.status = 'running'
  for update of s skip locked
)
update ledger.sends s set due_at = missed.due_at, window_ends_at = missed.window_ends_at
from missed where s.send_id = missed.send_id
returning s.send_id;

-- name: finish_campaigns
-- Which running (or paused) campaigns have no open send left?
update ledger.campaigns c
set status = 'finished', finished_at = :as_of::timestamptz, updated_at = :as_of::timestamptz
where c.status in ('running', 'paused') and c.planned_at is not null and not exists (
  select 1 from ledger.sends s
  where s.campaign_id = c.campaign_id and s.state in ('planned', 'claimed', 'ambiguous'))
returning c.campaign_id;
