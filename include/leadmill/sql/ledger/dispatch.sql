-- name: lanes_with_work
-- Which provider accounts have a mailbox that may send something due in a running campaign?
select a.name from ledger.provider_accounts a
where a.status = 'active' and exists (
  select 1 from ledger.mailboxes m
  join ledger.campaigns c on c.pool_id = m.pool_id
  where m.account_id = a.account_id and m.status <> 'paused' and c.status = 'running'
    and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
    and (c.ends_at is null or c.ends_at > :as_of::timestamptz)
    and exists (
      select 1 from ledger.due_sends q join ledger.sends s on s.send_id = q.send_id
      where q.campaign_id = c.campaign_id and q.due_at <= :as_of::timestamptz
        and s.state = 'planned' and s.due_at <= :as_of::timestamptz
        and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz)))
order by a.name;

-- name: lock_account
-- Which account is this lane, and what time is it there? The lane's clock never goes back, so a re-run cannot use up a past
-- day's quota. What follows in this transaction is planned once a connection: planning a claim took longer than reading it.
select set_config('plan_cache_mode', 'force_generic_plan', true), a.account_id, a.name, a.provider, a.config,
  a.secret_ref, a.daily_limit, a.status,
  least(a.max_per_second, a.provider_max_per_second) as max_per_second,
  a.next_send_at,
  greatest(:as_of::timestamptz, latest.last_claim_at) as lane_time, latest.last_claim_at,
  latest.last_claim_server_time, clock_timestamp() as server_time
from ledger.provider_accounts a
left join lateral (
  select b.last_claim_at, b.last_claim_server_time from ledger.provider_accounts b
  where b.last_claim_at is not null order by b.last_claim_at desc limit 1
) latest on true
where a.name = :lane::text
for no key update of a;

-- name: mailbox_capacities
-- What do the limits of mailboxes say, and what have mailbox, domain and account used of them? One lane, or all (null).
select m.mailbox_id, m.domain_id, m.account_id, m.pool_id, m.address, m.display_name, m.user_name, m.time_zone,
  m.secret_ref, m.status, m.status_reason, m.status_since, m.cool_down_until, m.next_send_at, m.spread_until, m.daily_limit,
  m.hourly_limit, m.min_gap_seconds, m.warm_up_started_on, w.stage as warm_up_stage, w.cut_limit as warm_up_cut_limit,
  coalesce(nullif(m.warm_up_curve, ''), p.warm_up_curve) as warm_up_curve, b.mailbox_id is not null as is_on_probation,
  (:now::timestamptz at time zone m.time_zone)::date as day,
  coalesce(mu.taken, 0) as taken_today, coalesce(mu.accepted, 0) as accepted_today,
  coalesce(hu.taken, 0) as taken_this_hour,
  d.name as domain, d.status as domain_status, d.status_reason as domain_status_reason,
  d.cool_down_until as domain_cool_down_until, d.daily_limit as domain_daily_limit, d.dkim_keys::text,
  coalesce(du.taken, 0) as domain_taken_today,
  a.name as account, a.provider, a.secret_ref as account_secret_ref, a.status as account_status,
  a.daily_limit as account_daily_limit, a.next_send_at as account_next_send_at, a.spread as account_spread,
  m.put_off_since, m.put_off_until, m.put_off_count, m.put_off_reply, m.refused_in_a_row, m.refused_send_id,
  a.put_off_since as account_put_off_since, a.put_off_until as account_put_off_until,
  a.put_off_count as account_put_off_count, a.put_off_reply as account_put_off_reply,
  least(a.max_per_second, a.provider_max_per_second) as max_per_second,
  coalesce(au.taken, 0) as account_taken, au.relaxes_at as account_quota_relaxes_at, a.provider_daily_limit,
  -- What others sent counts until the provider's own 24 hours have forgotten it.
  case when a.provider_limits_read_at > :now::timestamptz - interval '24 hours' then a.others_sent_24h else 0 end
    as provider_others,
  p.name as pool,
  coalesce(h.tried, 0) as delivered, coalesce(h.bounced, 0) as bounced
from ledger.mailboxes m
join ledger.sending_domains d using (domain_id)
join ledger.provider_accounts a using (account_id)
join ledger.pools p using (pool_id)
left join ledger.warm_ups w using (mailbox_id)
left join ledger.probations b on b.mailbox_id = m.mailbox_id and b.ended_on is null
left join ledger.mailbox_usage mu
  on mu.mailbox_id = m.mailbox_id and mu.day = (:now::timestamptz at time zone m.time_zone)::date
left join ledger.mailbox_hour_usage hu
  on hu.mailbox_id = m.mailbox_id and hu.hour = date_trunc('hour', :now::timestamptz)
left join ledger.domain_usage du
  on du.domain_id = m.domain_id and du.day = (:now::timestamptz at time zone 'UTC')::date
left join (
  -- A bucket counts while any part of it lies within the rolling 24 hours.
  select account_id, sum(taken)::integer as taken,
    min(hour) filter (where taken > 0) + interval '25 hours' as relaxes_at
  from ledger.account_usage where hour > :now::timestamptz - interval '25 hours' group by account_id
) au on au.account_id = m.account_id
left join (
  select mailbox_id, sum(tried)::integer as tried, sum(bounced)::integer as bounced
  from ledger.mailbox_outcomes
  where day > (:now::timestamptz at time zone 'UTC')::date - :window_days::integer group by mailbox_id
) h on h.mailbox_id = m.mailbox_id
where :account_id::bigint is null or m.account_id = :account_id::bigint
order by m.mailbox_id;

-- name: has_due_sends
-- Is anything due for these pools at all?
select exists (
  select 1 from ledger.campaigns c
  join ledger.due_sends q on q.campaign_id = c.campaign_id
  join ledger.sends s on s.send_id = q.send_id
  where c.status = 'running' and c.pool_id = any(:pool_ids::bigint[])
    and (c.starts_at is null or c.starts_at <= :as_of::timestamptz)
    and (c.ends_at is null or c.ends_at > :as_of::timestamptz)
    and q.due_at <= :as_of::timestamptz and s.state = 'planned' and s.due_at <= :as_of::timestamptz
    and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz)) as has_due;

-- name: take_quota!
-- Take what a claim uses from mailbox (day, hour), domain and account, and set when each may send next.
with t as (
  select m.mailbox_id, m.domain_id, m.account_id, m.time_zone, u.taken, u.gap_until, u.spread_until
  from unnest(:mailbox_ids::bigint[], :counts::integer[], :gaps_until::timestamptz[], :spreads_until::timestamptz[])
    as u(mailbox_id, taken, gap_until, spread_until)
  join ledger.mailboxes m using (mailbox_id)
), days as (
  insert into ledger.mailbox_usage as mu (mailbox_id, day, taken)
  select mailbox_id, (:now::timestamptz at time zone time_zone)::date, taken from t
  on conflict (mailbox_id, day) do update set taken = mu.taken + excluded.taken
), hours as (
  insert into ledger.mailbox_hour_usage as hu (mailbox_id, hour, taken)
  select mailbox_id, date_trunc('hour', :now::timestamptz), taken from t
  on conflict (mailbox_id, hour) do update set taken = hu.taken + excluded.taken
), domains as (
  insert into ledger.domain_usage as du (domain_id, day, taken)
  select domain_id, (:now::timestamptz at time zone 'UTC')::date, sum(taken) from t group by domain_id
  on conflict (domain_id, day) do update set taken = du.taken + excluded.taken
), accounts as (
  insert into ledger.account_usage as au (account_id, hour, taken)
  select account_id, date_trunc('hour', :now::timestamptz), sum(taken) from t group by account_id
  on conflict (account_id, hour) do update set taken = au.taken + excluded.taken
), waits as (
  update ledger.mailboxes m
  set next_send_at = greatest(m.next_send_at, t.gap_until), spread_until = greatest(m.spread_until, t.spread_until)
  from t where t.mailbox_id = m.mailbox_id and (t.gap_until is not null or t.spread_until is not null)
)
update ledger.provider_accounts a
set last_claim_at = greatest(a.last_claim_at, :now::timestamptz), last_claim_server_time = clock_timestamp(),
  next_send_at = greatest(:probe_until::timestamptz, case
    when least(a.max_per_second, a.provider_max_per_second) is null then a.next_send_at
    else greatest(a.next_send_at, :now::timestamptz)
      + make_interval(secs => (select sum(taken) from t) / least(a.max_per_second, a.provider_max_per_second)) end)
where a.account_id in (select account_id from t);

-- name: stop_campaign
-- Pause a campaign that cannot go on without a person. No row: it does not run.
update ledger.campaigns set status = 'paused', status_reason = :reason::text, updated_at = :as_of::timestamptz
where campaign_id = :campaign_id::bigint and status = 'running'
returning campaign_id;

-- name: variants_of_sends
-- What is the content of these variants, and which subjects do those without one carry on?
select v.variant_id, v.campaign_id, v.step, v.label, v.subject, v.body_html, v.body_text, c.track_opens, c.track_clicks,
  c.fallbacks, c.blocks, st.attachments, (
    select coalesce(jsonb_agg(jsonb_build_array(e.variant_id, e.subject) order by e.step desc, e.label), '[]')
    from ledger.variants e
    where trim(v.subject) = '' and e.campaign_id = v.campaign_id and e.step < v.step and trim(e.subject) <> ''
  ) as conversation
from ledger.variants v join ledger.campaigns c using (campaign_id) join ledger.campaign_steps st using (campaign_id, step)
where v.variant_id = any(:variant_ids::bigint[]);

-- name: organisation_of_mails
-- Who is behind the mails?
select name, postal_address, website from ledger.organisation;
