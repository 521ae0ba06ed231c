-- name: lock_position
-- How far is this projection? The row stays locked until the transaction ends, so that two runs apply in turn.
insert into ledger.projections (name, position, updated_at) values (:name::text, 0, 'epoch')
on conflict (name) do update set name = excluded.name
returning position;

-- name: move_position!
-- Remember how far this projection is.
update ledger.projections set position = :position::bigint, updated_at = :as_of::timestamptz where name = :name::text;

-- name: reset_position!
-- Let this projection start again; applying batches twice changes nothing.
update ledger.projections set position = 0 where name = :name::text;

-- name: go_back_to_position!
-- Let this projection apply batches again from there on, if it is further.
update ledger.projections set position = least(position, :position::bigint) where name = :name::text;

-- name: apply_evidence
-- Move sends up the lattice of evidence; the earliest event of the highest rank gives the time. Returns every send touched.
-- What our own signature names left, whatever the row says: an older copy of the ledger may have been restored since. Only
-- what is older than the row is another mail's. Without a signature, a send that was never handed over stays untouched.
with told as (
  select * from unnest(:send_ids::bigint[], :states::text[], :ranks::smallint[], :times::timestamptz[],
    :first_times::timestamptz[], :bounce_kinds::text[], :reply_times::timestamptz[], :unsubscribe_times::timestamptz[],
    :are_signed::boolean[])
    as e(send_id, state, rank, at, first_at, bounce_kind, replied_at, unsubscribed_at, is_signed)
), proven as (
  select e.*, s.mailbox_id is null as is_news, s.campaign_id, s.lead_id, s.step
  from told e join ledger.sends s using (send_id)
  where s.mailbox_id is not null
    or e.is_signed and e.first_at >= ledger.planned_since(s.send_id, s.campaign_id) - :clocks_differ_by::interval
), evidence as (
  select send_id, state, rank, at, first_at, bounce_kind, replied_at, unsubscribed_at, is_signed from proven
  union all
  -- A follow-up goes out only after the step before it was accepted, so that one left, too.
  select f.send_id, 'accepted', :accepted_rank::smallint, min(p.first_at), min(p.first_at), null, null, null, true
  from proven p
  join ledger.sends f on f.lead_id = p.lead_id and f.campaign_id + 0 = p.campaign_id + 0 and f.step < p.step
  where p.is_news and f.state = 'planned' and f.mailbox_id is null
    and not exists (select from told t where t.send_id = f.send_id)
  group by f.send_id
), before as (
  select s.send_id, s.state, coalesce(r.rank, 0) as rank, r.rank is null as is_outside from ledger.sends s
  join evidence using (send_id)
  left join unnest(:rank_states::text[], :rank_values::smallint[]) as r(state, rank) on r.state = s.state
  where r.rank is not null or evidence.is_signed
  order by s.send_id for update of s
), moved as (
  update ledger.sends s set
  state = case when e.rank > b.rank then e.state else s.state end,
  state_changed_at = case when e.rank > b.rank then e.at
    when e.rank = b.rank and e.state in ('delivered', 'dropped', 'bounced', 'complained') then least(s.state_changed_at, e.at)
    else s.state_changed_at end,
  accepted_at = case when s.accepted_at is null then coalesce(s.claimed_at, e.first_at) else s.accepted_at end,
  -- Why it would not have gone out is no longer true.
  fault = case when not b.is_outside then s.fault end,
  code = case when not b.is_outside then s.code end,
  -- A claimed send is still its worker's to settle; a doubt that evidence settles here is nobody else's any more.
  answered = s.answered or (e.rank > b.rank and b.state in ('ambiguous', 'lost')),
  bounce_kind = case when 'hard' in (s.bounce_kind, e.bounce_kind) then 'hard'
    when 'blocked' in (s.bounce_kind, e.bounce_kind) then 'blocked' else coalesce(s.bounce_kind, e.bounce_kind) end,
  replied_at = least(s.replied_at, e.replied_at),
  unsubscribed_at = least(s.unsubscribed_at, e.unsubscribed_at)
from evidence e join before b using (send_id)
where s.send_id = e.send_id
  returning s.send_id, b.state as state_before, s.state as state_after, s.bounce_kind, s.campaign_id, s.mailbox_id, s.claimed_at,
    (s.accepted_at at time zone 'UTC')::date as accepted_on
), counted as (
  update ledger.mailbox_usage mu set accepted = mu.accepted + n.accepted
  from (
    select s.mailbox_id, (s.claimed_at at time zone m.time_zone)::date as day, count(*) as accepted
    from moved s join ledger.mailboxes m using (mailbox_id)
    where s.state_before in ('ambiguous', 'lost') and s.state_after not in ('ambiguous', 'lost') group by 1, 2
  ) n where mu.mailbox_id = n.mailbox_id and mu.day = n.day
)
select m.send_id, m.state_before, m.state_after, m.mailbox_id, m.accepted_on,
  ledger.ends_sequence(m.state_after, m.bounce_kind, c.ends_on_any_bounce) as ends_sequence
from moved m join ledger.campaigns c using (campaign_id);

-- name: renumbered_sends
-- By which number is a mail known now that left under another, before an older copy of the ledger was restored?
select distinct on (s.send_id) j.send_id as left_as, s.send_id
from ledger.journaled_sends j
join ledger.leads l on l.email_hash = j.email_hash
join ledger.sends s on s.campaign_id = j.campaign_id and s.step = j.step and s.lead_id = l.lead_id
join ledger.campaigns c on c.campaign_id = s.campaign_id and c.created_at <= j.claimed_at
where j.send_id = any(:send_ids::bigint[]) and not exists (select from ledger.sends own where own.send_id = j.send_id)
order by s.send_id, j.claimed_at desc;

-- name: suppress_leads
-- Leave these people alone from now on. The weightiest reason stays, and its earliest event, in whatever order they come.
-- Which events are believed is as in apply_evidence. Who came back is barred only by what they said after that.
with evidence as (
  select * from unnest(:send_ids::bigint[], :reasons::text[], :times::timestamptz[], :event_ids::text[],
    :last_times::timestamptz[], :are_signed::boolean[]) as e(send_id, reason, at, event_id, last_at, is_signed)
), ranks as (
  select * from unnest(:rank_reasons::text[], :rank_values::smallint[]) as r(reason, rank)
), said as (
  select l.email_hash, l.email, e.reason, ranks.rank, e.event_id,
    case when e.at <= lift.lifted_at then e.last_at else e.at end as at
  from evidence e join ranks using (reason) join ledger.sends s using (send_id) join ledger.leads l on l.lead_id = s.lead_id
  left join ledger.suppression_lifts lift on lift.email_hash = l.email_hash
  where (lift.lifted_at is null or e.last_at > lift.lifted_at) and (s.mailbox_id is not null
    or e.is_signed and e.at >= ledger.planned_since(s.send_id, s.campaign_id) - :clocks_differ_by::interval)
  union all
  -- Their mail left before an older copy of the ledger was restored, which has no row of that number.
  select j.email_hash, l.email, e.reason, ranks.rank, e.event_id,
    case when e.at <= lift.lifted_at then e.last_at else e.at end
  from evidence e join ranks using (reason) join ledger.journaled_sends j using (send_id)
  left join ledger.leads l on l.email_hash = j.email_hash
  left join ledger.suppression_lifts lift on lift.email_hash = j.email_hash
  where e.is_signed and (lift.lifted_at is null or e.last_at > lift.lifted_at)
    and e.at >= j.claimed_at - :clocks_differ_by::interval
    and not exists (select from ledger.sends s where s.send_id = e.send_id)
)
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at)
select distinct on (email_hash) email_hash, email, reason, event_id, at from said
order by email_hash, rank desc, at, event_id
on conflict (email_hash) do update set reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
where known.reason in (select reason from ranks) and (
  (select rank from ranks where ranks.reason = excluded.reason) > (select rank from ranks where ranks.reason = known.reason)
  or (excluded.reason = known.reason and (excluded.created_at, excluded.source) < (known.created_at, known.source)))
returning email_hash;

-- name: refresh_mailbox_health
-- What became of the mails that a mailbox sent on a day? Counted anew, so that a repeated event never counts twice.
insert into ledger.mailbox_health
  (mailbox_id, day, accepted, delivered, hard_bounced, soft_bounced, blocked, complained, unsubscribed, replied)
select s.mailbox_id, t.day, count(*) filter (where s.accepted),
  count(*) filter (where s.delivered),
  count(*) filter (where s.accepted and s.bounced), -- what was refused at RCPT stands in mailbox_usage, at once
  count(*) filter (where s.soft_bounced),
  count(*) filter (where s.blocked),
  count(*) filter (where s.complained),
  count(*) filter (where s.unsubscribed),
  count(*) filter (where s.replied)
from (
  select day, array_agg(distinct mailbox_id) as mailbox_ids
  from unnest(:mailbox_ids::bigint[], :days::date[]) as t(mailbox_id, day) group by day
) t
cross join lateral (                          -- day by day: the mails of a day are found by their pages
  select * from ledger.mail_outcomes d
  where d.accepted_at >= t.day::timestamp at time zone 'UTC' and d.accepted_at < (t.day + 1)::timestamp at time zone 'UTC'
    and d.mailbox_id = any(t.mailbox_ids)
) s
group by s.mailbox_id, t.day
on conflict (mailbox_id, day) do update set accepted = excluded.accepted, delivered = excluded.delivered,
  hard_bounced = excluded.hard_bounced, soft_bounced = excluded.soft_bounced, blocked = excluded.blocked,
  complained = excluded.complained, unsubscribed = excluded.unsubscribed, replied = excluded.replied
returning mailbox_id, day;

-- name: sending_days
-- Which (mailbox, day) pairs are there for these days?
select m.mailbox_id, d.day from ledger.mailboxes m cross join unnest(:days::date[]) as d(day);
