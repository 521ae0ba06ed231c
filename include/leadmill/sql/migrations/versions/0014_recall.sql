-- Claimed sends are taken back when somebody left or something was stopped; threads whose mailbox is gone; soft bounces.

-- Whenever something was written that may keep claimed sends from going out: which transaction did it? A lane that looked
-- before under some snapshot finds by it what that snapshot did not see, in whatever order transactions commit (ADR 0027).
create table ledger.recall_marks (
  xid xid8 not null default pg_current_xact_id(),
  noted_at timestamptz not null default clock_timestamp() -- by the server's clock; old ones are dropped
);
create index recall_marks_xid on ledger.recall_marks (xid);

create function ledger.mark_recall() returns trigger language plpgsql as $$
begin
  insert into ledger.recall_marks default values;
  return null;
end
$$;

-- Every door that leads to a suppression ends here: page, command, events, imports, refusals at RCPT.
create trigger suppressions_recall after insert or update or delete on ledger.suppressions
  for each statement execute function ledger.mark_recall();
create trigger leads_recall after update of erased_at, email on ledger.leads
  for each statement execute function ledger.mark_recall();
-- Replies, bounces and complaints; claims and answers never write this column.
create trigger sends_recall after update of replied_at on ledger.sends
  for each statement execute function ledger.mark_recall();
create trigger campaigns_recall after update of status, ends_at on ledger.campaigns for each row
  when (old.status is distinct from new.status or old.ends_at is distinct from new.ends_at)
  execute function ledger.mark_recall();
create trigger mailboxes_recall after update of status, cool_down_until on ledger.mailboxes for each row
  when (new.status <> 'active') execute function ledger.mark_recall();
create trigger sending_domains_recall after update of status, cool_down_until on ledger.sending_domains for each row
  when (new.status <> 'active') execute function ledger.mark_recall();
create trigger provider_accounts_recall after update of status on ledger.provider_accounts for each row
  when (new.status <> 'active') execute function ledger.mark_recall();
create trigger pools_recall after update of accepts_legal_bases on ledger.pools
  for each statement execute function ledger.mark_recall();
create trigger country_rules_recall after insert or update or delete on ledger.country_rules
  for each statement execute function ledger.mark_recall();

-- A bounce that may pass (full mailbox, blocked) delays the follow-ups; those who want it otherwise say so.
alter table ledger.campaigns add column ends_on_any_bounce boolean not null default false;

-- Whether a send's state ends its lead's sequence, or only delays it.
create function ledger.ends_sequence(state text, bounce_kind text, ends_on_any_bounce boolean) returns boolean
language sql immutable parallel safe
return state = 'complained' or (state = 'bounced' and (ends_on_any_bounce or coalesce(bounce_kind, 'hard') = 'hard'));

-- Threads that a person handed on to another mailbox, since theirs is gone.
create table ledger.handed_on_threads (
  campaign_id bigint not null references ledger.campaigns on delete cascade,
  lead_id bigint not null references ledger.leads,
  mailbox_id bigint not null references ledger.mailboxes, -- where the thread goes on
  handed_on_at timestamptz not null,
  primary key (campaign_id, lead_id)
);

-- That a person wants the threads of a stopped mailbox to wait for it.
create table ledger.waiting_threads (
  mailbox_id bigint primary key references ledger.mailboxes,
  chosen_by text not null,
  reason text not null,
  chosen_at timestamptz not null
);

-- The mailbox that a send has to go out from: the one its thread was handed on to, or that of the first step, if it had
-- one; 0 otherwise.
create or replace function ledger.thread_mailbox(campaign_id bigint, step smallint, lead_id bigint) returns bigint
language sql stable
return case when step = 1 then 0 else coalesce((
  select h.mailbox_id from ledger.handed_on_threads h
  where h.campaign_id = thread_mailbox.campaign_id and h.lead_id = thread_mailbox.lead_id), (
  select f.mailbox_id from ledger.sends f
  where f.campaign_id = thread_mailbox.campaign_id and f.step = 1 and f.lead_id = thread_mailbox.lead_id), 0) end;
