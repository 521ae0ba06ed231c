-- Whose turn is it? Campaigns of a pool share its mailboxes' days by weight, and follow-ups go first (ADR 0030).

-- How much of its pool's days a campaign gets beside the others that have mail due: 1 is normal, 2 twice as much.
alter table ledger.campaigns add column weight double precision not null default 1 check (weight between 0.1 and 10);

-- How far each campaign has come: mails claimed for the first time, divided by its weight, on its pool's scale. Who has
-- come least far goes next. Only claims write here, while they hold the pool; no foreign keys, since checking one would
-- lock the campaign's row against the people who change it.
create table ledger.campaign_turns (
  campaign_id bigint primary key,
  turn double precision not null
) with (fillfactor = 50);

create table ledger.pool_turns (
  pool_id bigint primary key,
  turn double precision not null default 0,   -- how far those have come that have mail due; who was idle begins here
  owed double precision not null default 0    -- first mails that other campaigns' follow-ups have left behind, 0 to 1
) with (fillfactor = 50);

-- The mailbox that a send has to go out from: the one its thread was handed on to, or that of the first step, if it had
-- one. 0 is a first mail, -1 a follow-up that any mailbox of the pool may send.
create or replace function ledger.thread_mailbox(campaign_id bigint, step smallint, lead_id bigint) returns bigint
language sql stable
return case when step = 1 then 0 else coalesce((
  select h.mailbox_id from ledger.handed_on_threads h
  where h.campaign_id = thread_mailbox.campaign_id and h.lead_id = thread_mailbox.lead_id), (
  select f.mailbox_id from ledger.sends f
  where f.campaign_id = thread_mailbox.campaign_id and f.step = 1 and f.lead_id = thread_mailbox.lead_id), -1) end;

update ledger.due_sends q set mailbox_id = -1
from ledger.sends s where s.send_id = q.send_id and q.mailbox_id = 0 and s.step > 1;

-- A campaign's first mails that are due, `wanted` of them after the first `skipped`: in the queue's order, or of the next
-- `ahead` the most engaged first, then the others.
create function ledger.due_first_mails(campaign_id bigint, as_of timestamptz, ahead integer, skipped integer, wanted integer)
returns table (entry tid, send_id bigint, due_at timestamptz, nth bigint)
language sql stable as $$
  select q.entry, q.send_id, q.due_at, q.nth from (
    select d.ctid as entry, d.send_id, d.due_at, row_number() over (order by d.due_at, d.priority desc, d.send_id) as nth
    from ledger.due_sends d
    where d.campaign_id = due_first_mails.campaign_id and d.mailbox_id = 0 and d.due_at <= due_first_mails.as_of
    order by d.due_at, d.priority desc, d.send_id
    offset due_first_mails.skipped limit due_first_mails.wanted
  ) q where due_first_mails.ahead = 0
  union all
  select q.entry, q.send_id, q.due_at, q.nth from (
    select p.*, row_number() over (order by p.engagement desc, p.place) as nth from (
      select n.*, case when n.place <= due_first_mails.ahead then n.priority else '-infinity'::real end as engagement from (
        select d.ctid as entry, d.send_id, d.due_at, d.priority,
          row_number() over (order by d.due_at, d.priority desc, d.send_id) as place
        from ledger.due_sends d
        where d.campaign_id = due_first_mails.campaign_id and d.mailbox_id = 0 and d.due_at <= due_first_mails.as_of
        order by d.due_at, d.priority desc, d.send_id
        limit greatest(due_first_mails.skipped + due_first_mails.wanted, due_first_mails.ahead)
      ) n
    ) p
    order by nth offset due_first_mails.skipped limit due_first_mails.wanted
  ) q where due_first_mails.ahead > 0
$$;
