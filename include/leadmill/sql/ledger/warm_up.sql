-- name: start_warm_up!
-- Let a mailbox's warm-up begin where its start says: one that began elsewhere stands where its age puts it. Once only.
insert into ledger.warm_ups (mailbox_id, stage, evaluated_on, reason)
select mailbox_id, least(greatest(today - warm_up_started_on, 0), 200), greatest(today, warm_up_started_on), 'began'
from (
  select mailbox_id, warm_up_started_on, (:as_of::timestamptz at time zone time_zone)::date as today
  from ledger.mailboxes where mailbox_id = :mailbox_id::bigint
) m
where warm_up_started_on is not null
on conflict (mailbox_id) do nothing;

-- name: warm_ups_due
-- Which warm-ups have not been looked at on their mailbox's local day, and what happened since they were?
select m.mailbox_id, m.daily_limit as full_limit, w.stage, w.cut_limit, w.last_cut_on, w.evaluated_on, m.day,
  coalesce(nullif(m.warm_up_curve, ''), p.warm_up_curve) as curve,
  coalesce(u.accepted, 0) as accepted, coalesce(h.sent, 0) + coalesce(u.refused_address, 0) as sent,
  coalesce(h.hard_bounced, 0) + coalesce(u.refused_address, 0) as hard_bounced,
  coalesce(h.blocked, 0) as blocked, coalesce(h.complained, 0) as complained
from ledger.warm_ups w
join (select *, (:as_of::timestamptz at time zone time_zone)::date as day from ledger.mailboxes) m using (mailbox_id)
join ledger.pools p using (pool_id)
left join lateral (
  select sum(accepted) filter (where day >= w.evaluated_on)::integer as accepted,
    sum(refused_address) filter (where day >= greatest(m.day - :evidence_days::integer, w.last_cut_on))::integer
      as refused_address
  from ledger.mailbox_usage
  where mailbox_id = m.mailbox_id and day < m.day and day >= least(w.evaluated_on, m.day - :evidence_days::integer)
) u on true
left join lateral (
  select sum(accepted)::integer as sent, sum(hard_bounced)::integer as hard_bounced, sum(blocked)::integer as blocked,
    sum(complained)::integer as complained
  from ledger.mailbox_health
  where mailbox_id = m.mailbox_id and day >= greatest(m.day - :evidence_days::integer, w.last_cut_on)
) h on true
where w.evaluated_on < m.day
order by m.mailbox_id;

-- name: move_warm_ups
-- Write the new day of warm-ups that nobody else has written meanwhile.
update ledger.warm_ups w
set stage = n.stage, cut_limit = n.cut_limit, last_cut_on = n.last_cut_on, evaluated_on = n.day, reason = n.reason,
  last_advanced_on = case when n.change in ('advanced', 'finished') then n.day else w.last_advanced_on end
from unnest(:mailbox_ids::bigint[], :evaluated_ons::date[], :days::date[], :stages::smallint[], :cut_limits::integer[],
  :cut_ons::date[], :changes::text[], :reasons::text[])
  as n(mailbox_id, evaluated_on, day, stage, cut_limit, last_cut_on, change, reason)
where w.mailbox_id = n.mailbox_id and w.evaluated_on = n.evaluated_on
returning w.mailbox_id;

-- name: probations_due
-- Which probations have not been looked at on their mailbox's local day, and what happened since they were?
select b.probation_id, m.mailbox_id, b.clean_days, b.evaluated_on, m.day, m.daily_limit as full_limit, w.stage,
  w.cut_limit, w.last_cut_on, coalesce(nullif(m.warm_up_curve, ''), p.warm_up_curve) as curve,
  coalesce(u.accepted, 0) as accepted, coalesce(h.sent, 0) + coalesce(u.refused_address, 0) as sent,
  coalesce(h.hard_bounced, 0) + coalesce(u.refused_address, 0) as hard_bounced,
  coalesce(h.blocked, 0) as blocked, coalesce(h.complained, 0) as complained
from ledger.probations b
join (select *, (:as_of::timestamptz at time zone time_zone)::date as day from ledger.mailboxes) m using (mailbox_id)
join ledger.pools p using (pool_id)
left join ledger.warm_ups w using (mailbox_id)
left join lateral (
  select sum(accepted) filter (where day >= b.evaluated_on)::integer as accepted,
    sum(refused_address)::integer as refused_address
  from ledger.mailbox_usage where mailbox_id = m.mailbox_id and day < m.day and day >= b.began_on
) u on true
left join lateral (
  select sum(accepted)::integer as sent, sum(hard_bounced)::integer as hard_bounced, sum(blocked)::integer as blocked,
    sum(complained)::integer as complained
  from ledger.mailbox_health where mailbox_id = m.mailbox_id and day >= b.began_on
) h on true
where b.ended_on is null and b.evaluated_on < m.day
order by m.mailbox_id;

-- name: move_probations
-- Write the new day of probations that nobody else has written meanwhile; bad evidence begins them anew.
update ledger.probations b
set clean_days = n.clean_days, evaluated_on = n.day, began_on = case when n.is_new then n.day else b.began_on end,
  ended_on = case when n.is_over then n.day end
from unnest(:mailbox_ids::bigint[], :evaluated_ons::date[], :days::date[], :clean_days::smallint[], :over::boolean[],
  :anew::boolean[]) as n(mailbox_id, evaluated_on, day, clean_days, is_over, is_new)
where b.mailbox_id = n.mailbox_id and b.ended_on is null and b.evaluated_on = n.evaluated_on
returning b.mailbox_id;

-- name: start_probations!
-- Let returning mailboxes begin low: those named, and those of the named domains.
insert into ledger.probations (mailbox_id, began_on, evaluated_on, cause)
select mailbox_id, day, day, :cause::text
from (select *, (:as_of::timestamptz at time zone time_zone)::date as day from ledger.mailboxes) m
where mailbox_id = any(:mailbox_ids::bigint[]) or domain_id = any(:domain_ids::bigint[])
on conflict (mailbox_id) where ended_on is null
do update set began_on = excluded.began_on, evaluated_on = excluded.evaluated_on, clean_days = 0, cause = excluded.cause;

-- name: record_limit_days!
-- Keep what the day did to each limit; a day is written once.
insert into ledger.limit_days (mailbox_id, kind, day, change, stage, day_limit, reason, evidence)
select * from unnest(:mailbox_ids::bigint[], :kinds::text[], :days::date[], :changes::text[], :stages::smallint[],
  :limits::integer[], :reasons::text[], :evidences::jsonb[])
on conflict (mailbox_id, kind, day) do nothing;

-- name: warm_up_standings
-- Where does every warm-up and probation stand?
select m.mailbox_id, m.address, p.name as pool, m.daily_limit as full_limit, m.warm_up_started_on as started_on,
  coalesce(nullif(m.warm_up_curve, ''), p.warm_up_curve) as curve, w.stage, w.cut_limit, w.last_cut_on, w.evaluated_on,
  w.last_advanced_on, coalesce(w.reason, '') as reason, b.clean_days as probation_days, b.began_on as probation_since,
  coalesce(b.cause, '') as probation_cause
from ledger.mailboxes m
join ledger.pools p using (pool_id)
left join ledger.warm_ups w using (mailbox_id)
left join ledger.probations b on b.mailbox_id = m.mailbox_id and b.ended_on is null
where w.mailbox_id is not null or b.mailbox_id is not null
order by m.address;

-- name: limit_history
-- What did each day do to the limits of mailboxes? The last days, in order; one mailbox, or all (null).
select m.mailbox_id, m.address, d.kind, d.day, d.change, d.stage, d.day_limit, d.reason, d.evidence
from ledger.limit_days d join ledger.mailboxes m using (mailbox_id)
where d.day >= :since::date and (:mailbox_id::bigint is null or d.mailbox_id = :mailbox_id::bigint)
order by d.day, m.address, d.kind;

-- name: set_mailbox_curve
-- Let a mailbox's warm-up follow a curve.
update ledger.mailboxes set warm_up_curve = :curve::text where address = :name::text returning mailbox_id as id;

-- name: set_pool_curve
-- Let the warm-ups of a pool follow a curve.
update ledger.pools set warm_up_curve = :curve::text where name = :name::text returning pool_id as id;
