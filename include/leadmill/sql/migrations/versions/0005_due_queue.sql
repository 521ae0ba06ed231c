-- The queue of due sends and the claims as rows of their own, so that a send's row changes in place (ADR 0016).

-- One row a claim: who holds which sends until when, and why each went to its mailbox.
create table ledger.claims (
  claim_id bigint generated always as identity primary key,
  worker text not null,
  account_id bigint not null references ledger.provider_accounts,
  claimed_at timestamptz not null,            -- the lane's time
  lease_until timestamptz not null,
  send_ids bigint[] not null,
  mailbox_ids bigint[] not null,              -- place by place with send_ids, as are the reasons
  reasons text[] not null,                    -- "rotation", "sticky", "retry", and a limited recipient family behind it
  situation jsonb not null default '{}',      -- what spoke for each mailbox, and the seed that replays the rotation
  open_count integer not null,                -- at least as many as have no answer yet
  is_swept boolean not null default false     -- all are answered, or the lease ended and the rest became ambiguous
);
alter table ledger.claims alter column send_ids set storage external; -- compressing costs more than the room
create index claims_worker on ledger.claims (worker);
create index claims_open on ledger.claims (worker) where not is_swept;
create index claims_lease on ledger.claims (lease_until) where not is_swept;

alter table ledger.sends
  add column claim_id bigint,                 -- the latest claim; no foreign key: every claim writes a thousand of them
  add column answered boolean not null default false, -- what became of that claim is written
  add column queue_id text;                   -- what an SMTP server called it: for a person who asks there, not searched

insert into ledger.claims (worker, account_id, claimed_at, lease_until, send_ids, mailbox_ids, reasons, situation,
  open_count, is_swept)
select s.worker, m.account_id, s.claimed_at, coalesce(max(s.lease_until), s.claimed_at), array_agg(s.send_id),
  array_agg(s.mailbox_id), array_agg(coalesce(s.assignment->>'reason', '')),
  jsonb_build_object('sends', coalesce(
    jsonb_object_agg(s.send_id, s.assignment) filter (where s.assignment is not null), '{}')),
  count(*) filter (where s.state = 'claimed'), bool_and(s.state <> 'claimed')
from (
  select send_id, mailbox_id, coalesce(worker, '') as worker, claimed_at, lease_until, state, assignment,
    (row_number() over (partition by worker, claimed_at order by send_id) - 1) / 1000 as batch
  from ledger.sends where claimed_at is not null and mailbox_id is not null
) s join ledger.mailboxes m using (mailbox_id)
group by s.worker, m.account_id, s.claimed_at, s.batch;

update ledger.sends s set claim_id = c.claim_id, answered = s.lease_until is null
from (select claim_id, unnest(send_ids) as send_id from ledger.claims) c where c.send_id = s.send_id;

-- Postgres changes a row in place only while no index mentions a column that changes. What searched the columns that
-- every mail changes goes: claiming reads the queue, the sweep the claims, people the doubts.
drop index ledger.sends_due, ledger.sends_lease, ledger.sends_state, ledger.sends_mailbox, ledger.sends_provider_message;
create index sends_provider_message on ledger.sends (provider_message_id) where provider_message_id is not null;
-- A block range index does not stand in the way (since PostgreSQL 16): which pages hold the mails of a day?
create index sends_accepted on ledger.sends using brin (accepted_at) with (pages_per_range = 16, autosummarize = on);
-- The claim holds the mailbox's row anyway; checking the key again cost each claimed send a look-up.
alter table ledger.sends drop constraint sends_mailbox_id_fkey;
alter table ledger.sends drop column lease_until, drop column worker, drop column assignment;
-- Room on each page for the versions that claim and answer leave behind until the next visit clears them.
alter table ledger.sends set (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);

-- Which planned sends have a time: the order of claiming within a campaign. Only a hint: a claim believes the send's
-- own row. A row may be stale or double, and is dropped when a claim meets it; none may be missing.
create table ledger.due_sends (
  campaign_id bigint not null,
  mailbox_id bigint not null,                 -- a follow-up goes out from its thread's mailbox; 0: from any
  due_at timestamptz not null,                -- not before; a claim that could not use it may have put it off
  priority real not null,
  send_id bigint not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index due_sends_order on ledger.due_sends (campaign_id, mailbox_id, due_at, priority desc, send_id);

-- Sends of which nobody knows whether they went out; only a hint, too.
create table ledger.doubts (
  send_id bigint primary key,
  since timestamptz not null
);

-- The mailbox that a send has to go out from: that of the first step, if it had one; 0 otherwise.
create function ledger.thread_mailbox(campaign_id bigint, step smallint, lead_id bigint) returns bigint
language sql stable
return case when step = 1 then 0 else coalesce((
  select f.mailbox_id from ledger.sends f
  where f.campaign_id = thread_mailbox.campaign_id and f.step = 1 and f.lead_id = thread_mailbox.lead_id), 0) end;

-- Queue and doubts follow the sends by themselves, whoever writes them: no statement can forget it.
create function ledger.queue_new_sends() returns trigger language plpgsql as $$
begin
  insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
  select n.campaign_id, case when n.step = 1 then 0 else ledger.thread_mailbox(n.campaign_id, n.step, n.lead_id) end,
    n.due_at, n.priority, n.send_id
  from new_sends n where n.state = 'planned' and n.due_at is not null
  order by n.campaign_id, n.due_at, n.priority desc, n.send_id;
  insert into ledger.doubts (send_id, since)
  select n.send_id, n.state_changed_at from new_sends n where n.state = 'ambiguous';
  return null;
end
$$;
create trigger sends_added after insert on ledger.sends referencing new table as new_sends
  for each statement execute function ledger.queue_new_sends();

create function ledger.queue_changed_send() returns trigger language plpgsql as $$
begin
  if new.state = 'ambiguous' then
    insert into ledger.doubts (send_id, since) values (new.send_id, new.state_changed_at)
    on conflict (send_id) do update set since = excluded.since;
  else
    insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
    values (new.campaign_id, ledger.thread_mailbox(new.campaign_id, new.step, new.lead_id), new.due_at, new.priority,
      new.send_id);
  end if;
  return null;
end
$$;
create trigger sends_changed after update on ledger.sends for each row
  when ((new.state = 'planned' and new.due_at is not null and (old.state <> 'planned'
      or old.due_at is distinct from new.due_at or old.window_ends_at is distinct from new.window_ends_at))
    or (new.state = 'ambiguous' and old.state <> 'ambiguous'))
  execute function ledger.queue_changed_send();

create function ledger.forget_deleted_sends() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then
    truncate ledger.due_sends, ledger.doubts;
  else
    delete from ledger.due_sends q using old_sends o where q.send_id = o.send_id;
    delete from ledger.doubts d using old_sends o where d.send_id = o.send_id;
  end if;
  return null;
end
$$;
create trigger sends_deleted after delete on ledger.sends referencing old table as old_sends
  for each statement execute function ledger.forget_deleted_sends();
create trigger sends_truncated after truncate on ledger.sends
  for each statement execute function ledger.forget_deleted_sends();

insert into ledger.due_sends (campaign_id, mailbox_id, due_at, priority, send_id)
select s.campaign_id, ledger.thread_mailbox(s.campaign_id, s.step, s.lead_id), s.due_at, s.priority, s.send_id
from ledger.sends s where s.state = 'planned' and s.due_at is not null
order by s.campaign_id, s.due_at, s.priority desc, s.send_id;
insert into ledger.doubts (send_id, since)
select send_id, state_changed_at from ledger.sends where state = 'ambiguous';

-- The lane's clock beside the server's, to notice a host whose clock jumped ahead.
alter table ledger.provider_accounts add column last_claim_server_time timestamptz;
