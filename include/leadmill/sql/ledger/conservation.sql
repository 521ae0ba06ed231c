-- name: campaign_books
-- What has to add up for every planned campaign: rows by state, and what queue, doubts and claims should hold of them?
with tallied as (
  select s.campaign_id, s.state, count(*) as sends, count(*) filter (where s.step = first.step) as leads,
    count(*) filter (where s.state = 'planned' and s.due_at is not null and q.send_id is null
      -- A claim drops what has missed its window; upkeep queues it for the next one.
      and (s.window_ends_at is null or s.window_ends_at > :as_of::timestamptz)) as not_queued,
    count(*) filter (where s.state = 'ambiguous' and d.send_id is null) as not_shown,
    count(*) filter (where s.state = 'claimed' and (c.claim_id is null or c.is_swept)) as no_lease
  from ledger.sends s
  join (select campaign_id, min(step) as step from ledger.campaign_steps group by campaign_id) first
    on first.campaign_id = s.campaign_id
  left join (select distinct send_id from ledger.due_sends) q on s.state = 'planned' and q.send_id = s.send_id
  left join ledger.doubts d on s.state = 'ambiguous' and d.send_id = s.send_id
  left join ledger.claims c on s.state = 'claimed' and c.claim_id = s.claim_id
  group by s.campaign_id, s.state
)
select c.campaign_id, c.name, c.status, c.audience_count as audience, c.left_out,
  (select count(*) from ledger.campaign_steps st where st.campaign_id = c.campaign_id) as steps,
  coalesce(sum(t.leads), 0)::bigint as planned_leads,
  coalesce(jsonb_object_agg(t.state, t.sends) filter (where t.state is not null), '{}') as by_state,
  coalesce(sum(t.not_queued), 0)::bigint as not_queued, coalesce(sum(t.not_shown), 0)::bigint as not_shown,
  coalesce(sum(t.no_lease), 0)::bigint as no_lease
from ledger.campaigns c left join tallied t on t.campaign_id = c.campaign_id
where c.planned_at is not null and c.status <> 'deleted'
group by c.campaign_id order by c.campaign_id;

-- name: mailbox_books
-- How many sends were given to each mailbox on each of its last local days, and what do its books say?
select m.mailbox_id, m.address, g.day::text as day, coalesce(u.taken, 0) as taken, g.claimed
from (
  select s.mailbox_id, (s.claimed_at at time zone m.time_zone)::date as day, count(*)::integer as claimed
  from ledger.sends s join ledger.mailboxes m using (mailbox_id)
  where s.claimed_at >= :since::timestamptz and s.state <> 'planned' group by 1, 2
) g
join ledger.mailboxes m using (mailbox_id)
left join ledger.mailbox_usage u on u.mailbox_id = g.mailbox_id and u.day = g.day
where coalesce(u.taken, 0) < g.claimed
order by m.mailbox_id, g.day;

-- name: requeue_missing
-- Put due sends that the queue lacks back into it; an entry too many does no harm.
insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
select s.campaign_id, ledger.thread_mailbox(s.campaign_id, s.step, s.lead_id), s.due_at, s.priority, s.send_id
from ledger.sends s
where s.state = 'planned' and s.due_at is not null
  and not exists (select from ledger.due_sends q where q.send_id = s.send_id)
order by s.campaign_id, s.due_at, s.priority desc, s.send_id
returning send_id;

-- name: show_missing_doubts
-- Show ambiguous sends that the doubts lack.
insert into ledger.doubts (send_id, since)
select s.send_id, s.state_changed_at from ledger.sends s
where s.state = 'ambiguous' and not exists (select from ledger.doubts d where d.send_id = s.send_id)
on conflict (send_id) do nothing
returning send_id;
