-- name: upsert_account
-- Add a provider account, or bring the one of that name up to date. What a provider said of it holds for that provider
-- only, and is asked anew where region, server or key changed.
insert into ledger.provider_accounts as a
  (name, provider, config, secret_ref, daily_limit, max_per_second, spread, created_at)
values (:name::text, :provider::text, :config::jsonb, :secret_ref::text, :daily_limit::integer, :max_per_second::real,
  :spread::text, :as_of::timestamptz)
on conflict (name) do update set provider = excluded.provider, config = excluded.config,
  secret_ref = excluded.secret_ref, daily_limit = excluded.daily_limit, max_per_second = excluded.max_per_second,
  spread = excluded.spread,
  provider_daily_limit = case when a.provider = excluded.provider then a.provider_daily_limit end,
  provider_max_per_second = case when a.provider = excluded.provider then a.provider_max_per_second end,
  provider_sent_24h = case when a.provider = excluded.provider then a.provider_sent_24h end,
  provider_status = case when a.provider = excluded.provider then a.provider_status else '' end,
  others_sent_24h = case when a.provider = excluded.provider then a.others_sent_24h else 0 end,
  provider_limits_read_at = case when a.provider = excluded.provider and a.config = excluded.config
    and a.secret_ref = excluded.secret_ref then a.provider_limits_read_at end
returning account_id as id, xmax = 0 as is_new;

-- name: upsert_domain
-- Add a sending domain, or bring the one of that name up to date; its status stays, and its DKIM keys where none are said (null).
insert into ledger.sending_domains (name, sending_ips, daily_limit, dkim_keys, created_at)
values (:name::text, :sending_ips::text[], :daily_limit::integer, coalesce(:dkim_keys::jsonb, '[]'),
  :as_of::timestamptz)
on conflict (name) do update set sending_ips = excluded.sending_ips, daily_limit = excluded.daily_limit,
  dkim_keys = coalesce(:dkim_keys::jsonb, sending_domains.dkim_keys)
returning domain_id as id, xmax = 0 as is_new;

-- name: upsert_mailbox
-- Add a mailbox, or bring the one of that address up to date; its status and a warm-up's start stay.
insert into ledger.mailboxes (domain_id, account_id, pool_id, address, display_name, user_name, secret_ref, time_zone,
  daily_limit, hourly_limit, min_gap_seconds, warm_up_started_on, warm_up_curve, created_at)
values (:domain_id::bigint, :account_id::bigint, :pool_id::bigint, :address::text, :display_name::text,
  :user_name::text, :secret_ref::text, :time_zone::text, :daily_limit::integer, :hourly_limit::integer,
  :min_gap_seconds::integer, :warm_up_started_on::date, :warm_up_curve::text, :as_of::timestamptz)
on conflict (address) do update set domain_id = excluded.domain_id, account_id = excluded.account_id,
  pool_id = excluded.pool_id, display_name = excluded.display_name, user_name = excluded.user_name,
  secret_ref = excluded.secret_ref, time_zone = excluded.time_zone, daily_limit = excluded.daily_limit,
  hourly_limit = excluded.hourly_limit, min_gap_seconds = excluded.min_gap_seconds,
  warm_up_started_on = coalesce(mailboxes.warm_up_started_on, excluded.warm_up_started_on),
  warm_up_curve = excluded.warm_up_curve
returning mailbox_id as id, xmax = 0 as is_new;

-- name: lock_zone
-- In which zone do a mailbox's days begin, until this transaction says otherwise?
select time_zone from ledger.mailboxes where address = :address::text for no key update;

-- name: carry_usage_over!
-- A mailbox's days begin in another zone now: what it was given lately counts on the days that these have become.
insert into ledger.mailbox_usage as mu (mailbox_id, day, taken)
select m.mailbox_id, (g.claimed_at at time zone m.time_zone)::date, count(*)
from (
  select mailbox_id, claimed_at from ledger.sends where mailbox_id = :mailbox_id::bigint and state <> 'planned'
  union all
  select mailbox_id, claimed_at from ledger.placement_tests where mailbox_id = :mailbox_id::bigint
) g join ledger.mailboxes m using (mailbox_id)
where g.claimed_at >= :since::timestamptz
group by 1, 2
on conflict (mailbox_id, day) do update set taken = greatest(mu.taken, excluded.taken);

-- name: account_named
-- Which account is this?
select account_id, provider, coalesce(config ->> 'preset', '') as preset
from ledger.provider_accounts where name = :name::text;

-- name: pool_named
-- Which pool is this, and whom may it mail?
select pool_id, accepts_legal_bases, override_reason from ledger.pools where name = :name::text;

-- name: domain_named
-- Which sending domain is this?
select domain_id, status from ledger.sending_domains where name = :name::text;

-- name: set_account_status
-- Pause or release a provider account. No row: nothing changed.
update ledger.provider_accounts set status = :status::text, status_reason = :reason::text
where name = :name::text and status <> :status::text
returning account_id as id;

-- name: set_domain_status
-- Change a sending domain's status. A cool-down only gets longer, and a pause does not end it: it goes on beneath the pause
-- and after it. Where does the domain stand now, and since which cool-down, if it is in one?
with old as (
  select domain_id, status, cool_down_until from ledger.sending_domains where name = :name::text for no key update
), new as (
  select domain_id, case
      when :status::text = 'active' and status = 'paused' and cool_down_until > :as_of::timestamptz then 'cooling_down'
      when :status::text = 'cooling_down' and status = 'paused' then 'paused'
      else :status::text end as status,
    case :status::text when 'paused' then cool_down_until when 'cooling_down' then :until::timestamptz
      else case when status = 'paused' and cool_down_until > :as_of::timestamptz then cool_down_until end
      end as cool_down_until,
    status = 'paused' and cool_down_until is not null as has_cooled
  from old
  where :status::text = 'active' and status <> 'active' or :status::text = 'paused' and status <> 'paused'
    or :status::text = 'cooling_down' and (cool_down_until is null or cool_down_until < :until::timestamptz)
)
update ledger.sending_domains d
set status = new.status, cool_down_until = new.cool_down_until,
  status_reason = case when new.status = :status::text then :reason::text when new.status = 'paused' then d.status_reason
    else 'its cool-down goes on' end,
  status_since = case when new.status = :status::text or new.status <> d.status then :as_of::timestamptz else d.status_since end
from new where d.domain_id = new.domain_id
returning d.domain_id as id, d.status, d.cool_down_until as until, new.has_cooled;

-- name: set_mailbox_status
-- Change a mailbox's status with the evidence. Lifting a guardrail's pause remembers all counts so far: the same evidence
-- does not pause again. Lifting a person's pause does not: what happened to its mails meanwhile is still to be judged.
update ledger.mailboxes m
set status = :status::text, status_reason = :reason::text, status_since = :as_of::timestamptz,
  cool_down_until = :until::timestamptz,
  status_evidence = case when :status::text = 'active' and not exists (
      select from ledger.holds o where o.subject_kind = 'mailbox' and o.subject_id = m.mailbox_id and o.ended_at is null
        and (o.cause = 'evidence' or o.status = 'cooling_down')) then m.status_evidence - 'evidence'
    when :status::text = 'active' then jsonb_build_object('baseline', (
      select jsonb_build_object('released_on', (:as_of::timestamptz at time zone 'UTC')::date, 'sent', coalesce(sum(h.accepted), 0), 'hard_bounced', coalesce(sum(h.hard_bounced), 0),
        'blocked', coalesce(sum(h.blocked), 0), 'complained', coalesce(sum(h.complained), 0),
        'refused_address', coalesce((select sum(u.refused_address) from ledger.mailbox_usage u
          where u.mailbox_id = m.mailbox_id), 0))
      from ledger.mailbox_health h where h.mailbox_id = m.mailbox_id))
    else (m.status_evidence - 'evidence') || jsonb_build_object('evidence', :evidence::jsonb) end
where m.mailbox_id = :mailbox_id::bigint and (
  :status::text = 'active' and status <> 'active'
  or :status::text = 'paused' and status <> 'paused'
  or :status::text = 'cooling_down' and (status = 'active'
    or status = 'cooling_down' and cool_down_until < :until::timestamptz))
returning mailbox_id as id;

-- name: find_mailbox
-- Is there such a mailbox?
select mailbox_id, status from ledger.mailboxes where mailbox_id = :mailbox_id::bigint;

-- name: end_domain_cool_downs
-- Whose cool-down is over? They send again.
update ledger.sending_domains set status = 'active', status_reason = '', status_since = :as_of::timestamptz,
  cool_down_until = null
where status = 'cooling_down' and cool_down_until <= :as_of::timestamptz
returning domain_id as id, name;

-- name: end_mailbox_cool_downs
-- Which mailboxes' cool-down is over? They send again.
update ledger.mailboxes set status = 'active', status_reason = '', status_since = :as_of::timestamptz,
  cool_down_until = null
where status = 'cooling_down' and cool_down_until <= :as_of::timestamptz
returning mailbox_id as id;

-- name: mailbox_health
-- What happened to each mailbox's mails of the last days, new evidence since a guardrail's pause was lifted only?
with released as (
  select mailbox_id, coalesce((status_evidence -> 'baseline' ->> 'released_on')::date,
    (status_since at time zone 'UTC')::date) as released_on
  from ledger.mailboxes where status_evidence ? 'baseline'
), cooled as (
  select subject_id as domain_id, max((ended_at at time zone 'UTC')::date) as cooled_until from ledger.holds
  where subject_kind = 'domain' and status = 'cooling_down' and ended_at is not null group by subject_id
), recent as (
  select m.mailbox_id, m.domain_id, d.name as domain, d.status as domain_status, m.status, m.pool_id, m.daily_limit,
    case when r.released_on >= :since::date then m.status_evidence -> 'baseline' end as baseline, -- older: out of the window
    o.hold_id is not null as is_stopped_by_evidence,
    o.hold_id is not null and (d.status_since is null or o.began_at > d.status_since) as is_stopped_lately,
    coalesce(h.sent, 0) as sent, coalesce(h.hard_bounced, 0) as hard_bounced, coalesce(h.blocked, 0) as blocked,
    coalesce(h.complained, 0) as complained, coalesce(u.refused_address, 0) as refused_address,
    coalesce(h.all_sent, 0) as all_sent, coalesce(h.all_hard_bounced, 0) as all_hard_bounced,
    coalesce(h.all_blocked, 0) as all_blocked, coalesce(h.all_complained, 0) as all_complained,
    coalesce(u.all_refused_address, 0) as all_refused_address
  from ledger.mailboxes m
  join ledger.sending_domains d using (domain_id)
  left join released r on r.mailbox_id = m.mailbox_id
  left join ledger.holds o on o.subject_kind = 'mailbox' and o.subject_id = m.mailbox_id and o.ended_at is null
    and o.cause = 'evidence'
  left join (
    select mailbox_id,
      sum(accepted) filter (where day > :since::date) as sent,
      sum(hard_bounced) filter (where day > :since::date) as hard_bounced,
      sum(blocked) filter (where day > :since::date
        and (cooled_until is null or day > cooled_until)) as blocked, -- a cool-down has answered those before it
      sum(complained) filter (where day > :since::date) as complained,
      sum(accepted) as all_sent, sum(hard_bounced) as all_hard_bounced, sum(blocked) as all_blocked,
      sum(complained) as all_complained
    from ledger.mailbox_health
    join ledger.mailboxes sm using (mailbox_id) left join released using (mailbox_id) left join cooled using (domain_id)
    -- All its days are read only of a mailbox that was released within the window, to take its baseline off.
    where day > :since::date or released_on >= :since::date
    group by mailbox_id
  ) h on h.mailbox_id = m.mailbox_id
  left join (
    select mailbox_id, sum(refused_address) filter (where day > :since::date) as refused_address,
      sum(refused_address) as all_refused_address
    from ledger.mailbox_usage left join released using (mailbox_id)
    where day > :since::date or released_on >= :since::date
    group by mailbox_id
  ) u on u.mailbox_id = m.mailbox_id
), fresh as (
  select mailbox_id, domain_id, domain, domain_status, status, pool_id, daily_limit, is_stopped_by_evidence, is_stopped_lately,
    least(sent, all_sent - coalesce((baseline ->> 'sent')::bigint, 0)) as sent,
    least(hard_bounced, all_hard_bounced - coalesce((baseline ->> 'hard_bounced')::bigint, 0)) as hard_bounced,
    least(blocked, all_blocked - coalesce((baseline ->> 'blocked')::bigint, 0)) as blocked,
    least(complained, all_complained - coalesce((baseline ->> 'complained')::bigint, 0)) as complained,
    least(refused_address, all_refused_address - coalesce((baseline ->> 'refused_address')::bigint, 0)) as refused_address
  from recent
)
select mailbox_id, domain_id, domain, domain_status, status, pool_id, daily_limit, is_stopped_by_evidence, is_stopped_lately,
  greatest(0, sent + refused_address)::integer as sent,
  greatest(0, hard_bounced + refused_address)::integer as hard_bounced,
  greatest(0, blocked)::integer as blocked, greatest(0, complained)::integer as complained
from fresh order by mailbox_id;

-- name: mailbox_address
-- What is this mailbox's own address?
select address from ledger.mailboxes where mailbox_id = :mailbox_id::bigint;

-- name: mailbox_days
-- What did each mailbox send and see bounce day by day, since a guardrail's pause was last lifted? For the sequential test.
select m.mailbox_id, array_agg(d.sent order by d.day) as sent, array_agg(d.bounced order by d.day) as bounced
from ledger.mailboxes m
join (
  select mailbox_id, day, sum(tried)::integer as sent, sum(bounced)::integer as bounced
  from ledger.mailbox_outcomes where day > :since::date and tried > 0 group by mailbox_id, day
) d using (mailbox_id)
where not m.status_evidence ? 'baseline' or d.day > coalesce((m.status_evidence -> 'baseline' ->> 'released_on')::date,
  (m.status_since at time zone 'UTC')::date)
group by m.mailbox_id;
