-- name: first_mails
-- If a draft was planned now: on which days (UTC) would how many first mails become due, and how many of them after its end?
with habits as (
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
)
select (w.due_at at time zone 'UTC')::date as day, sum(k.leads)::bigint as leads,
  coalesce(sum(k.leads) filter (where w.due_at >= :ends_at::timestamptz), 0)::bigint as too_late
from habits k
cross join lateral ledger.send_window(:timing::text, :send_hour::smallint, :earliest::timestamptz, k.zone, k.hours, 0,
  k.country, :weekdays::smallint[], :skips_holidays::boolean, :best_of_days::integer) w
group by 1 order by 1;
