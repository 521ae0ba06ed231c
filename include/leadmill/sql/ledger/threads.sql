-- name: stranded_threads
-- For which mailboxes do queued follow-ups wait although they are paused, or serve another pool now? How many, since when,
-- in which pools may another take them over, and has a person said that they shall wait? One mailbox, or all (null).
select m.mailbox_id, m.address, p.name as pool, count(distinct s.send_id)::integer as threads,
  count(distinct s.send_id) filter (where s.due_at <= :as_of::timestamptz)::integer as due,
  case when m.status = 'paused' then 'mailbox' when d.status = 'paused' then 'domain'
    when a.status = 'paused' then 'account' else '' end as paused, array_agg(distinct c.pool_id) as pool_ids,
  coalesce(case when m.status = 'paused' then m.status_since end, case when d.status = 'paused' then d.status_since end,
    (select h.began_at from ledger.holds h
      where h.subject_kind = 'account' and h.subject_id = a.account_id and h.ended_at is null), min(s.due_at)) as since,
  w.chosen_by, w.chosen_at, w.reason
from ledger.mailboxes m
join ledger.pools p using (pool_id)
join ledger.sending_domains d using (domain_id)
join ledger.provider_accounts a using (account_id)
join ledger.campaigns c on c.status in ('running', 'paused') and (
  m.status = 'paused' or d.status = 'paused' or a.status = 'paused'
  or (c.pool_id <> m.pool_id and not exists (          -- its lane claims nothing of this campaign
    select from ledger.mailboxes o join ledger.sending_domains od using (domain_id)
    where o.account_id = m.account_id and o.pool_id = c.pool_id and o.status <> 'paused' and od.status <> 'paused')))
join ledger.due_sends q on q.campaign_id = c.campaign_id and q.mailbox_id = m.mailbox_id
join ledger.sends s on s.send_id = q.send_id and s.state = 'planned'
left join ledger.waiting_threads w on w.mailbox_id = m.mailbox_id
where :mailbox_id::bigint is null or m.mailbox_id = :mailbox_id::bigint
group by m.mailbox_id, p.name, d.domain_id, a.account_id, w.mailbox_id
order by m.address;

-- name: lock_stranded
-- Which follow-ups wait for this mailbox? Held in the order of every other change; a claim that has one goes first.
select s.send_id from ledger.sends s
where s.state = 'planned' and s.send_id in (
  select q.send_id
  from ledger.mailboxes m
  join ledger.sending_domains d using (domain_id)
  join ledger.provider_accounts a using (account_id)
  join ledger.campaigns c on c.status in ('running', 'paused') and (
    m.status = 'paused' or d.status = 'paused' or a.status = 'paused'
    or (c.pool_id <> m.pool_id and not exists (
      select from ledger.mailboxes o join ledger.sending_domains od using (domain_id)
      where o.account_id = m.account_id and o.pool_id = c.pool_id and o.status <> 'paused' and od.status <> 'paused')))
  join ledger.due_sends q on q.campaign_id = c.campaign_id and q.mailbox_id = m.mailbox_id
  where m.mailbox_id = :mailbox_id::bigint)
order by s.send_id for no key update of s;

-- name: hand_on
-- Let threads go on from another mailbox of their campaign's pool that sends, evenly over all of them or from one; the
-- queue follows. Which did find one?
with targets as (
  select m.mailbox_id, m.pool_id, row_number() over (partition by m.pool_id order by m.mailbox_id) - 1 as place,
    count(*) over (partition by m.pool_id) as mailboxes
  from ledger.mailboxes m join ledger.sending_domains d using (domain_id) join ledger.provider_accounts a using (account_id)
  where m.status <> 'paused' and d.status <> 'paused' and a.status <> 'paused' and m.mailbox_id <> :mailbox_id::bigint
    and (:to_mailbox_id::bigint is null or m.mailbox_id = :to_mailbox_id::bigint)
), threads as (
  select s.send_id, s.campaign_id, s.lead_id, s.due_at, s.priority, c.pool_id,
    row_number() over (partition by c.pool_id order by s.lead_id, s.send_id) as place
  from ledger.sends s join ledger.campaigns c using (campaign_id)
  where s.send_id = any(:send_ids::bigint[]) and s.state = 'planned'
), moved as materialized (
  select t.*, g.mailbox_id as to_mailbox_id
  from threads t join targets g on g.pool_id = t.pool_id and g.place = t.place %% g.mailboxes
), kept as (
  insert into ledger.handed_on_threads as h (campaign_id, lead_id, mailbox_id, handed_on_at)
  select distinct on (campaign_id, lead_id) campaign_id, lead_id, to_mailbox_id, :as_of::timestamptz from moved
  order by campaign_id, lead_id, send_id
  on conflict (campaign_id, lead_id) do update set mailbox_id = excluded.mailbox_id, handed_on_at = excluded.handed_on_at
), unqueued as (
  delete from ledger.due_sends q using moved
  where q.campaign_id = moved.campaign_id and q.mailbox_id = :mailbox_id::bigint and q.send_id = moved.send_id
), queued as (
  insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
  select campaign_id, to_mailbox_id, due_at, priority, send_id from moved where due_at is not null
)
select send_id from moved;

-- name: end_threads
-- Cancel what is still planned of these threads.
update ledger.sends s set state = 'cancelled', code = 'mailbox_gone', state_changed_at = :as_of::timestamptz
from ledger.sends t
where t.send_id = any(:send_ids::bigint[]) and s.campaign_id = t.campaign_id and s.lead_id = t.lead_id
  and s.step >= t.step and s.state = 'planned'
returning s.send_id;

-- name: let_wait!
-- Keep that a person wants them to wait.
insert into ledger.waiting_threads (mailbox_id, chosen_by, reason, chosen_at)
values (:mailbox_id::bigint, :actor::text, :reason::text, :as_of::timestamptz)
on conflict (mailbox_id) do update
set chosen_by = excluded.chosen_by, reason = excluded.reason, chosen_at = excluded.chosen_at;

-- name: wait_no_more!
-- Forget that choice: another was made.
delete from ledger.waiting_threads where mailbox_id = :mailbox_id::bigint;
