-- name: recipient_limits_now
-- Which families of recipient domains are limited, and what have an account's sending domains sent to each this hour?
select f.family, f.hourly_limit,
  array(select rd.domain from ledger.recipient_domains rd where rd.family = f.family) as domains,
  coalesce((
    select jsonb_object_agg(ru.domain_id, ru.taken) from ledger.recipient_usage ru
    where ru.family = f.family and ru.hour = date_trunc('hour', :now::timestamptz)
      and ru.domain_id in (select m.domain_id from ledger.mailboxes m where m.account_id = :account_id::bigint)), '{}')
    as used
from ledger.recipient_families f where f.hourly_limit is not null
order by f.family;

-- name: take_recipient_quota!
-- Take what a claim uses of the hourly limits of recipient domains.
insert into ledger.recipient_usage as ru (domain_id, family, hour, taken)
select u.domain_id, u.family, date_trunc('hour', :now::timestamptz), u.taken
from unnest(:domain_ids::bigint[], :families::text[], :counts::integer[]) as u(domain_id, family, taken)
on conflict (domain_id, hour, family) do update set taken = ru.taken + excluded.taken;

-- name: recipient_room
-- Which of these pools have a sending domain that may still mail the family at its side this hour?
select w.pool_id, w.family
from unnest(:pool_ids::bigint[], :families::text[]) as w(pool_id, family)
join ledger.recipient_families f using (family)
where exists (
  select from ledger.mailboxes m
  left join ledger.recipient_usage ru
    on ru.domain_id = m.domain_id and ru.family = w.family and ru.hour = date_trunc('hour', :now::timestamptz)
  where m.pool_id = w.pool_id and m.status = 'active' and coalesce(ru.taken, 0) < f.hourly_limit);

-- name: recipient_families
-- Every family of recipient domains, with its limit and its domains.
select f.family, f.hourly_limit,
  array(select rd.domain from ledger.recipient_domains rd where rd.family = f.family order by rd.domain) as domains
from ledger.recipient_families f order by f.family;

-- name: upsert_recipient_family!
-- Add a family of recipient domains, or change its limit.
insert into ledger.recipient_families (family, hourly_limit, updated_at)
values (:family::text, :hourly_limit::integer, :as_of::timestamptz)
on conflict (family) do update set hourly_limit = excluded.hourly_limit, updated_at = excluded.updated_at;

-- name: drop_recipient_domains!
-- Take those domains out of a family that it shall not have any more.
delete from ledger.recipient_domains where family = :family::text and domain <> all(:domains::text[]);

-- name: put_recipient_domains!
-- Put domains into a family, out of whichever they were in.
insert into ledger.recipient_domains (domain, family)
select domain, :family::text from unnest(:domains::text[]) as d(domain)
on conflict (domain) do update set family = excluded.family;

-- name: delete_recipient_family^
-- Forget a family and its use; which was it?
delete from ledger.recipient_families where family = :family::text returning family;

-- name: recipient_waiting
-- How many due sends of a campaign go to each limited family, and how many of the pool's sending domains still have room?
with waiting as (
  select rd.family, count(*)::integer as waiting
  from ledger.sends s join ledger.leads l using (lead_id) join ledger.recipient_domains rd on rd.domain = l.email_domain
  where s.campaign_id = :campaign_id::bigint and s.state = 'planned' and s.due_at <= :as_of::timestamptz
    and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz)
  group by rd.family
), pool as (
  select distinct m.domain_id from ledger.mailboxes m join ledger.campaigns c on c.pool_id = m.pool_id
  where c.campaign_id = :campaign_id::bigint and m.status = 'active'
)
select w.family, w.waiting, f.hourly_limit, (select count(*) from pool)::integer as domains,
  (select count(*) from pool left join ledger.recipient_usage ru on ru.domain_id = pool.domain_id and ru.family = w.family
      and ru.hour = date_trunc('hour', :as_of::timestamptz)
    where coalesce(ru.taken, 0) < f.hourly_limit)::integer as domains_with_room
from waiting w join ledger.recipient_families f using (family)
where f.hourly_limit is not null
order by w.waiting desc, w.family;
