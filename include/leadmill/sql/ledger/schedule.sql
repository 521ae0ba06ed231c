-- name: first_mails
-- If a draft was planned now: on which days (UTC) would how many first mails become due, and how many of them after its end?
-- And on which days of two years may at most half of these leads be mailed, as twenty countries with the most of them say?
with habits as materialized (
  select h.zone, h.hours, h.country, count(*) as leads
  from ledger.audience(:segment::jsonb, :accepts::text[], :skips_replied::boolean, :skips_in_sequence::boolean,
    :skips_mailed::boolean, :mailed_since::timestamptz) a
  join ledger.leads l on l.lead_id = a.lead_id
  left join ledger.lead_windows w on w.lead_id = a.lead_id
  cross join lateral (
    select coalesce(w.time_zone, nullif(l.time_zone, ''), 'UTC') as zone,
      case when :timing::text = 'best_time' then w.local_hours[1 : 12] end as hours,
      case when :skips_holidays::boolean or :weekdays::smallint[] is null then l.country else '' end as country
  ) h
  where a.left_out is null
  group by h.zone, h.hours, h.country
), countries as (
  select h.country, ledger.weekdays_of(h.country, :weekdays::smallint[]) as weekdays, sum(h.leads) as leads
  from habits h group by 1 order by 3 desc limit 20
)
select (w.due_at at time zone 'UTC')::date as day, sum(k.leads)::bigint as leads,
  coalesce(sum(k.leads) filter (where w.due_at >= :ends_at::timestamptz), 0)::bigint as too_late, false as is_off
from habits k
cross join lateral ledger.send_window(:timing::text, :send_hour::smallint, :earliest::timestamptz, k.zone, k.hours, 0,
  k.country, :weekdays::smallint[], :skips_holidays::boolean, :best_of_days::integer) w
group by 1
union all
select d.day::date, 0, 0, true
from generate_series((:earliest::timestamptz at time zone 'UTC')::date, (:earliest::timestamptz at time zone 'UTC')::date
  + 730, interval '1 day') d(day)
cross join countries c
group by 1
having 2 * coalesce(sum(c.leads) filter (
  where ledger.is_send_day(d.day::date, c.country, c.weekdays, :skips_holidays::boolean)), 0) <= sum(c.leads)
order by 1;
