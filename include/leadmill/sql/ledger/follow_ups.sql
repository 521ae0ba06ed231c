-- name: release_follow_ups
-- Which follow-ups became due because the step before was accepted? Safe to run again: only those without a time.
-- Leads with the same zone and hours share a window, so it is worked out once for all of them.
with accepted as materialized (
  select s.campaign_id, s.lead_id, next_step.step, h.zone, h.hours,
    coalesce(s.accepted_at, :as_of::timestamptz) + make_interval(days => next_step.delay_days) as earliest
  from ledger.sends s
  join ledger.campaigns c on c.campaign_id = s.campaign_id
  cross join lateral (
    select cs.step, cs.delay_days from ledger.campaign_steps cs
    where cs.campaign_id = s.campaign_id and cs.step > s.step order by cs.step limit 1
  ) next_step
  join ledger.leads l on l.lead_id = s.lead_id
  left join ledger.lead_windows lw on lw.lead_id = s.lead_id
  cross join lateral (
    select coalesce(lw.time_zone, nullif(l.time_zone, ''), 'UTC') as zone,
      coalesce(lw.local_hours[1 : 12], '{}') as hours
  ) h
  where s.send_id = any(:send_ids::bigint[]) and s.replied_at is null and (s.state in ('accepted', 'delivered')
    or (s.state = 'bounced' and not ledger.ends_sequence(s.state, s.bounce_kind, c.ends_on_any_bounce)))
), windows as materialized (
  select k.campaign_id, k.earliest, k.zone, k.hours, w.due_at, w.window_ends_at
  from (select distinct campaign_id, earliest, zone, hours from accepted) k
  join ledger.campaigns c on c.campaign_id = k.campaign_id
  cross join lateral ledger.send_window(c.timing, c.send_hour, k.earliest, k.zone, k.hours) w
)
update ledger.sends f
set due_at = w.due_at, window_ends_at = w.window_ends_at, state_changed_at = :as_of::timestamptz
from accepted a
join windows w on w.campaign_id = a.campaign_id and w.earliest = a.earliest and w.zone = a.zone and w.hours = a.hours
where f.campaign_id = a.campaign_id and f.lead_id = a.lead_id and f.step = a.step
  and f.state = 'planned' and f.due_at is null
returning f.send_id, f.campaign_id, f.step, f.due_at;

-- name: delay_follow_ups
-- Put off the next mail to the leads of these sends by whole weeks, which keeps its weekday, its hour and its window.
update ledger.sends f
set due_at = f.due_at + make_interval(days => :days::integer),
  window_ends_at = f.window_ends_at + make_interval(days => :days::integer), state_changed_at = :as_of::timestamptz
from ledger.sends s
where s.send_id = any(:send_ids::bigint[])
  and f.campaign_id = s.campaign_id and f.lead_id = s.lead_id and f.step > s.step and f.state = 'planned'
  and f.due_at is not null
returning f.send_id;

-- name: cancel_follow_ups
-- Which later steps of the same campaign will the leads of these sends not get any more? The cause becomes their code.
update ledger.sends f
set state = 'cancelled', code = :cause::text, state_changed_at = :as_of::timestamptz
from ledger.sends s
where s.send_id = any(:send_ids::bigint[])
  and f.campaign_id = s.campaign_id and f.lead_id = s.lead_id and f.step > s.step and f.state = 'planned'
returning f.send_id, f.campaign_id, f.step;
