-- name: organisation^
-- Who is behind the mails?
select name, postal_address, website from ledger.organisation;

-- name: set_organisation!
-- Say who is behind the mails.
insert into ledger.organisation (name, postal_address, website, updated_at)
values (:name, :postal_address, :website, :as_of)
on conflict (only_row) do update
set name = excluded.name, postal_address = excluded.postal_address, website = excluded.website,
  updated_at = excluded.updated_at;

-- name: pools
-- Every pool, and what its mailboxes could send a day.
select p.pool_id, p.name, p.accepts_legal_bases, p.override_reason,
  count(m.mailbox_id) as mailbox_count,
  count(m.mailbox_id) filter (where m.status = 'active' and d.status = 'active' and a.status = 'active')
    as active_mailbox_count,
  coalesce(sum(m.daily_limit) filter (where m.status = 'active' and d.status = 'active' and a.status = 'active'), 0)
    as daily_capacity,
  coalesce(array_agg(distinct a.provider order by a.provider) filter (where a.provider is not null), '{}') as providers
from ledger.pools p
left join ledger.mailboxes m on m.pool_id = p.pool_id
left join ledger.sending_domains d on d.domain_id = m.domain_id
left join ledger.provider_accounts a on a.account_id = m.account_id
group by p.pool_id order by p.name;

-- name: insert_pool^
-- Store a pool unless its name is taken; which id did it get?
insert into ledger.pools (name, accepts_legal_bases, override_reason, created_at)
values (:name, :legal_bases, :override_reason, :as_of)
on conflict (name) do nothing returning pool_id;

-- name: pool_by_name^
-- Which pool has this name?
select pool_id from ledger.pools where name = :name;

-- name: set_pool_policy^
-- Change which legal bases a pool mails.
update ledger.pools set accepts_legal_bases = :legal_bases::text[], override_reason = :override_reason
where pool_id = :pool_id returning pool_id;

-- name: suppress_against_policy!
-- Withdraw planned sends to leads whose legal basis a pool no longer accepts.
update ledger.sends s set state = 'suppressed', code = 'policy', state_changed_at = :as_of::timestamptz
from ledger.campaigns c join ledger.pools p on p.pool_id = c.pool_id, ledger.leads l
where c.pool_id = :pool_id::bigint and s.campaign_id = c.campaign_id and s.state = 'planned'
  and l.lead_id = s.lead_id and l.legal_basis <> all(p.accepts_legal_bases);

-- name: example_sender^
-- A mailbox of a pool (of any, without one), active ones first, for previews.
select m.address, m.display_name, d.name as domain
from ledger.mailboxes m join ledger.sending_domains d on d.domain_id = m.domain_id
where :pool_id::bigint is null or m.pool_id = :pool_id::bigint
order by m.status, m.mailbox_id limit 1;

-- name: active_mailboxes
-- Which mailboxes of a pool may send, and how much a day?
select m.daily_limit, m.warm_up_started_on, w.stage::integer as stage,
  coalesce(nullif(m.warm_up_curve, ''), p.warm_up_curve) as curve
from ledger.mailboxes m
join ledger.pools p using (pool_id)
left join ledger.warm_ups w using (mailbox_id)
join ledger.sending_domains d on d.domain_id = m.domain_id
join ledger.provider_accounts a on a.account_id = m.account_id
where m.pool_id = :pool_id::bigint and m.status = 'active' and d.status = 'active' and a.status = 'active'
order by m.mailbox_id;

-- name: loads_of_pool
-- What have a pool's campaigns still to send: first mails and follow-ups by the days until they are due, on which weekdays
-- (Monday to Friday for each lead's country's own)? Nobody knows yet of approved ones, which are planned within minutes.
select c.campaign_id, c.status, c.weight, coalesce(c.weekdays, '{1,2,3,4,5}') as weekdays,
  array(select st.delay_days::integer from ledger.campaign_steps st
    where st.campaign_id = c.campaign_id and st.step > 1 order by st.step) as delays,
  coalesce(f.first_mails, '[]') as first_mails, coalesce(o.follow_ups, '[]') as follow_ups
from ledger.campaigns c
cross join lateral (
  select jsonb_agg(to_jsonb(g)) as first_mails from (
    select count(*) as count, greatest(0, (d.due_at at time zone 'UTC')::date
      - (:as_of::timestamptz at time zone 'UTC')::date) as in_days
    from ledger.due_sends d where d.campaign_id = c.campaign_id and d.mailbox_id = 0
    group by 2
  ) g
) f
cross join lateral (
  select jsonb_agg(to_jsonb(g)) as follow_ups from (
    select s.step, count(*) as count, greatest(0, (d.due_at at time zone 'UTC')::date
      - (:as_of::timestamptz at time zone 'UTC')::date) as in_days
    from ledger.due_sends d join ledger.sends s on s.send_id = d.send_id
    where d.campaign_id = c.campaign_id and d.mailbox_id <> 0 and s.state = 'planned'
    group by 1, 3
  ) g
) o
where c.pool_id = :pool_id::bigint and c.status in ('running', 'paused', 'approved')
  and (c.ends_at is null or c.ends_at > :as_of::timestamptz)
order by c.campaign_id;
