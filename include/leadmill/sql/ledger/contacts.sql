-- name: lock_planning
-- Plan one campaign at a time: two at once would not see each other's audience.
select pg_advisory_xact_lock(hashtext('leadmill.plan_campaigns'));

-- name: share_leads
-- Which of a planned campaign's leads may get a mail of another campaign as well, or had one within the days that matter?
-- With them the other leads of the same persons. Refused sends count: a person may have them sent again.
with others as materialized (
  select k.lead_id, ledger.inbox(l.email) as inbox
  from (
    select h.lead_id from ledger.contacts(:mailed_since::timestamptz) h
    where h.kind <> 'replied' and h.campaign_id <> :campaign_id::bigint
    union
    select s.lead_id from ledger.campaigns c join ledger.sends s on s.campaign_id = c.campaign_id
    where c.status in ('running', 'paused') and c.campaign_id <> :campaign_id::bigint and s.state = 'refused'
  ) k join ledger.leads l on l.lead_id = k.lead_id
  where l.email is not null
), mine as materialized (
  select distinct s.lead_id, ledger.inbox(l.email) as inbox
  from ledger.sends s join ledger.leads l on l.lead_id = s.lead_id
  where s.campaign_id = :campaign_id::bigint and l.email is not null and exists (select from others)
), meeting as materialized (
  select lead_id, inbox from mine where inbox in (select inbox from others)
  union
  select lead_id, inbox from others where inbox in (select inbox from mine)
), shared as (
  select lead_id, inbox from meeting
  union
  select fellow.lead_id, m.inbox
  from meeting m join ledger.shared_leads known on known.lead_id = m.lead_id
  join ledger.shared_leads fellow on fellow.person_id = known.person_id
)
insert into ledger.shared_leads (lead_id, person_id)
select lead_id, min(person_id) from (
  select s.lead_id, coalesce(min(known.person_id) over same, min(s.lead_id) over same) as person_id
  from shared s left join ledger.shared_leads known on known.lead_id = s.lead_id
  window same as (partition by s.inbox)
) persons group by lead_id
-- Two addresses that were shared apart, each with others, are one person from now on.
on conflict (lead_id) do update set person_id = excluded.person_id where shared_leads.person_id <> excluded.person_id
returning lead_id;

-- name: await_claims
-- Wait for the claims that are being made: they read the shared leads before this plan wrote them. Every claim holds its
-- account's row to its end, and the next one begins behind this transaction.
select account_id from ledger.provider_accounts order by account_id for no key update;

-- name: lock_people
-- Hold the persons behind these leads, so that no other claim looks at them at the same time; whom somebody else holds is left out.
select l.lead_id as person_id from ledger.leads l
where l.lead_id in (select sl.person_id from ledger.shared_leads sl where sl.lead_id = any(:lead_ids::bigint[]))
order by l.lead_id for no key update skip locked;

-- name: contacts_of_sends
-- What do the rules of these sends' campaigns say, and when did anybody mail or hear from their persons?
select a.send_id, coalesce(sl.person_id, a.lead_id) as person_id, sl.lead_id is not null as is_shared,
  coalesce(c.days_apart, 0) as days_apart,
  case when c.ends_on_other_reply and h.replied_at is not null
    and (c.leave_out_replied or h.replied_at >= c.planned_at) then true else false end as has_replied_elsewhere,
  h.mailed_elsewhere_at, h.latest_mails
from unnest(:send_ids::bigint[], :campaign_ids::bigint[], :lead_ids::bigint[]) as a(send_id, campaign_id, lead_id)
join ledger.campaigns c on c.campaign_id = a.campaign_id
left join ledger.shared_leads sl on sl.lead_id = a.lead_id
cross join lateral (
  select max(s.replied_at) filter (where s.campaign_id <> a.campaign_id) as replied_at,
    max(m.mailed_at) filter (where s.campaign_id <> a.campaign_id) as mailed_elsewhere_at,
    (array_agg(m.mailed_at order by m.mailed_at desc) filter (where m.mailed_at is not null))[1 : :cap::integer] as latest_mails
  from (
    select array(select a.lead_id union select o.lead_id from ledger.shared_leads o where o.person_id = sl.person_id) as ids
  ) person
  cross join lateral (
    select s.campaign_id, s.replied_at, s.state, coalesce(s.accepted_at, s.claimed_at) as at
    from ledger.sends s where s.lead_id = any(person.ids)
    union all
    select k.campaign_id, null, 'ambiguous', k.claimed_at from ledger.lost_mails k where k.lead_id = any(person.ids)
  ) s
  cross join lateral (
    select case when s.state in ('claimed', 'ambiguous', 'accepted', 'delivered', 'bounced', 'complained') then s.at end
      as mailed_at
  ) m
) h;

-- name: put_off_sends!
-- Plan sends anew for the first fitting window at or after a moment, with what they wait for as their code.
with later as (
  select s.send_id, r.code, w.due_at, w.window_ends_at
  from unnest(:send_ids::bigint[], :untils::timestamptz[], :codes::text[]) as r(send_id, until, code)
  join ledger.sends s on s.send_id = r.send_id
  join ledger.campaigns c on c.campaign_id = s.campaign_id
  join ledger.leads l on l.lead_id = s.lead_id
  left join ledger.lead_windows lw on lw.lead_id = s.lead_id
  cross join lateral ledger.send_window(c.timing, c.send_hour, r.until,
    coalesce(lw.time_zone, nullif(l.time_zone, ''), 'UTC'), case when c.timing = 'best_time' then lw.local_hours[1 : 12] end,
    0, case when c.skips_holidays or c.weekdays is null then l.country else '' end, c.weekdays, c.skips_holidays,
    c.best_of_days) w
)
update ledger.sends s set due_at = later.due_at, window_ends_at = later.window_ends_at, code = later.code
from later where s.send_id = later.send_id and s.state = 'planned';

-- name: end_elsewhere
-- Which planned sends of other campaigns end because their person answered one of these mails? What a claim holds right now is
-- left to the claim and to the upkeep.
with repliers as (
  select s.lead_id, s.campaign_id, max(r.replied_at) as replied_at
  from unnest(:send_ids::bigint[], :reply_times::timestamptz[]) as r(send_id, replied_at) join ledger.sends s using (send_id)
  group by 1, 2
), people as (
  select lead_id, campaign_id, replied_at from repliers
  union
  select o.lead_id, r.campaign_id, r.replied_at from repliers r
  join ledger.shared_leads sl on sl.lead_id = r.lead_id join ledger.shared_leads o on o.person_id = sl.person_id
), ended as (
  select f.send_id from people p
  join ledger.sends f on f.lead_id = p.lead_id and f.campaign_id + 0 <> p.campaign_id -- "+ 0": look it up by lead
  join ledger.campaigns c on c.campaign_id = f.campaign_id
  where f.state = 'planned' and c.ends_on_other_reply and (c.leave_out_replied or p.replied_at >= c.planned_at)
  for update of f skip locked
)
update ledger.sends f set state = 'cancelled', code = 'replied_elsewhere', state_changed_at = :as_of::timestamptz
from ended where f.send_id = ended.send_id
returning f.send_id;

-- name: repliers_with_mail_to_come
-- Whose answers may end planned sends of other campaigns: all there are, for those missed while a plan or a claim ran.
select s.send_id, s.replied_at from ledger.sends s
where s.replied_at is not null and (
  exists (select from ledger.sends f where f.lead_id = s.lead_id and f.state = 'planned' and f.campaign_id + 0 <> s.campaign_id)
  or exists (select from ledger.shared_leads sl where sl.lead_id = s.lead_id));

-- name: forget_shared
-- Which persons have nothing to come any more? A later plan shares them again.
delete from ledger.shared_leads gone where not exists (
  select from ledger.shared_leads o join ledger.sends s on s.lead_id = o.lead_id
  where o.person_id = gone.person_id and s.state in ('planned', 'claimed', 'ambiguous', 'refused'))
returning gone.lead_id;

-- name: campaign_names
-- What are these campaigns called?
select campaign_id, name from ledger.campaigns where campaign_id = any(:campaign_ids::bigint[]);

-- name: addresses_of_contacts
-- The leads of one kind of contact, left out for it or not, with their addresses, for a list to download.
select l.lead_id, l.email, trim(l.first_name || ' ' || l.last_name) as name, l.company, l.country, l.category
from ledger.audience(:segment::jsonb, :accepts::text[], :skips_replied::boolean, :skips_in_sequence::boolean,
  :skips_mailed::boolean, :mailed_since::timestamptz) a
join ledger.leads l on l.lead_id = a.lead_id
where (a.left_out is null or a.left_out in ('replied', 'in_sequence', 'mailed_recently'))
  and case :kind::text when 'replied' then a.replied_to when 'in_sequence' then a.in_sequence_of
  when 'mailed_recently' then a.mailed_by end is not null
order by l.lead_id limit :row_limit::integer;
