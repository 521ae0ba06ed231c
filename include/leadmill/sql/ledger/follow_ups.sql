-- name: release_follow_ups
-- Which follow-ups became due because the step before was accepted? Safe to run again: only those without a time.
-- Leads with the same zone, hours and country share a window, so it is worked out once for all of them.
with accepted as materialized (
  select s.campaign_id, s.lead_id, next_step.step, next_step.delay_days, h.zone, h.hours, h.country,
    coalesce(s.accepted_at, :as_of::timestamptz) as accepted_at,
    row_number() over (partition by s.campaign_id, next_step.step, s.accepted_at, h.zone, h.country, h.hours) as place
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
      case when c.timing = 'best_time' then lw.local_hours[1 : 12] end as hours,
      case when c.skips_holidays or c.weekdays is null then l.country else '' end as country
  ) h
  where s.send_id = any(:send_ids::bigint[]) and s.replied_at is null and (s.state in ('accepted', 'delivered')
    or (s.state = 'bounced' and not ledger.ends_sequence(s.state, s.bounce_kind, c.ends_on_any_bounce)))
), asked as materialized (
  select a.campaign_id, a.lead_id, a.step, a.accepted_at, a.zone, a.country, a.hours, a.place,
    case when a.place = 1 then (
      select array[w.due_at, w.window_ends_at] from ledger.send_window(c.timing, c.send_hour, a.accepted_at, a.zone,
        a.hours, a.delay_days, a.country, c.weekdays, c.skips_holidays, c.best_of_days) w) end as span
  from accepted a join ledger.campaigns c on c.campaign_id = a.campaign_id
), windows as materialized (                  -- handed on within its group: joining a thousand arrays is slow
  select campaign_id, lead_id, step, first_value(span) over (
    partition by campaign_id, step, accepted_at, zone, country, hours order by place) as span
  from asked
)
update ledger.sends f
set due_at = a.span[1], window_ends_at = a.span[2], state_changed_at = :as_of::timestamptz
from windows a
where f.campaign_id = a.campaign_id and f.lead_id = a.lead_id and f.step = a.step
  and f.state = 'planned' and f.due_at is null
returning f.send_id, f.campaign_id, f.step, f.due_at;

-- name: delay_follow_ups
-- Put off the next mail to the leads of these sends by whole weeks: the same weekday and hour of the lead's clock, or of the
-- next day to send on where that is none, with a window as long as before.
with later as (
  select f.send_id, w.due_at, f.window_ends_at - f.due_at as lasts
  from ledger.sends s
  join ledger.sends f on f.campaign_id = s.campaign_id and f.lead_id = s.lead_id and f.step > s.step
  join ledger.campaigns c on c.campaign_id = f.campaign_id
  join ledger.leads l on l.lead_id = f.lead_id
  left join ledger.lead_windows lw on lw.lead_id = f.lead_id
  cross join lateral ledger.send_window('as_soon_as_possible', null, f.due_at,
    case when c.timing = 'utc_time' then 'UTC' else coalesce(lw.time_zone, nullif(l.time_zone, ''), 'UTC') end, null,
    :days::integer, l.country, c.weekdays, c.skips_holidays) w
  where s.send_id = any(:send_ids::bigint[]) and f.state = 'planned' and f.due_at is not null
)
update ledger.sends f
set due_at = later.due_at, window_ends_at = later.due_at + later.lasts, state_changed_at = :as_of::timestamptz
from later where f.send_id = later.send_id and f.state = 'planned'
returning f.send_id;

-- name: cancel_follow_ups
-- Which later steps of the same campaign will the leads of these sends not get any more? The cause becomes their code.
update ledger.sends f
set state = 'cancelled', code = :cause::text, state_changed_at = :as_of::timestamptz
from ledger.sends s
where s.send_id = any(:send_ids::bigint[])
  and f.campaign_id = s.campaign_id and f.lead_id = s.lead_id and f.step > s.step and f.state = 'planned'
returning f.send_id, f.campaign_id, f.step;
