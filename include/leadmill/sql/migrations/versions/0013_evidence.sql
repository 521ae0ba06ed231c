-- Signatures as proof, suppressions that can be lifted, and the wishes that are written down in the store (ADR 0026).

-- Which inbox an address ends in, to mail one person once: "+tag" goes where something stands before it, and Gmail's dots.
-- Gateways from mail to telephone have addresses that begin with "+": that is the number, not a tag.
create or replace function ledger.inbox(email text) returns text language sql immutable parallel safe
return case when split_part(email, '@', 2) in ('gmail.com', 'googlemail.com')
  then replace(left(email, 1) || split_part(split_part(substr(email, 2), '@', 1), '+', 1), '.', '') || '@gmail.com'
  else left(email, 1) || split_part(split_part(substr(email, 2), '@', 1), '+', 1) || '@' || split_part(email, '@', 2) end;
reindex index ledger.suppressions_inbox;

-- When sends came into being, a row for each time of planning: a send id that a restored copy of the ledger gave out again
-- names another mail in events that are older than this.
create table ledger.plannings (
  campaign_id bigint not null,
  first_send_id bigint not null,
  last_send_id bigint not null,
  planned_at timestamptz not null
);
create index plannings_campaign on ledger.plannings (campaign_id, first_send_id);

create function ledger.note_planning() returns trigger language plpgsql as $$
begin
  insert into ledger.plannings (campaign_id, first_send_id, last_send_id, planned_at)
  select n.campaign_id, min(n.send_id), max(n.send_id), min(n.state_changed_at) from new_sends n group by n.campaign_id;
  return null;
end
$$;
create trigger sends_noted after insert on ledger.sends referencing new table as new_sends
  for each statement execute function ledger.note_planning();

-- Since when a send can have gone out at all; of sends from before this was kept, since its campaign was planned.
create function ledger.planned_since(send_id bigint, campaign_id bigint) returns timestamptz language sql stable
return coalesce(
  (select max(p.planned_at) from ledger.plannings p
    where p.campaign_id = planned_since.campaign_id
      and planned_since.send_id between p.first_send_id and p.last_send_id),
  (select coalesce(c.planned_at, c.created_at) from ledger.campaigns c where c.campaign_id = planned_since.campaign_id));

-- A mail that only its signature proves has no mailbox that we know of, and may be complained about all the same.
alter table ledger.complaints alter column mailbox_id drop not null;

-- Who came back: what they said before this time does not bar them again.
create table ledger.suppression_lifts (
  email_hash bytea primary key,
  lifted_at timestamptz not null
);

-- What people wished, and what was stopped or released, until it is written down in the store: the ledger can be restored
-- from an older copy, and these must not be forgotten with it. Written by triggers, so that no statement can leave it out.
create table ledger.wishes (
  wish_id bigint generated always as identity primary key,
  word text not null check (word in ('suppressed', 'lifted', 'erased', 'status')),
  email_hash bytea,                           -- of a person
  reason text not null default '',
  subject_kind text not null default '',      -- mailbox, domain, account or campaign
  subject_id bigint,
  status text not null default '',
  until timestamptz,                          -- of a cool-down
  at timestamptz not null,                    -- since when it holds
  noted_at timestamptz not null default clock_timestamp() -- which of two words about one subject came later
);

-- Reapplying what lies in the store writes nothing down anew.
create function ledger.is_reapplying() returns boolean language sql stable
return coalesce(current_setting('leadmill.reapplying', true), '') = 'on';

create function ledger.note_suppressions() returns trigger language plpgsql as $$
begin
  if ledger.is_reapplying() then
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into ledger.wishes (word, email_hash, reason, at)
    select case n.reason when 'erased' then 'erased' else 'suppressed' end, n.email_hash, n.reason, n.created_at
    from new_rows n;
  else
    insert into ledger.wishes (word, email_hash, reason, at)
    select case n.reason when 'erased' then 'erased' else 'suppressed' end, n.email_hash, n.reason, n.created_at
    from new_rows n join old_rows o using (email_hash)
    where (n.reason, n.created_at) is distinct from (o.reason, o.created_at);
  end if;
  return null;
end
$$;
create trigger suppressions_added after insert on ledger.suppressions referencing new table as new_rows
  for each statement execute function ledger.note_suppressions();
create trigger suppressions_changed after update on ledger.suppressions
  referencing old table as old_rows new table as new_rows
  for each statement execute function ledger.note_suppressions();

create function ledger.note_person() returns trigger language plpgsql as $$
begin
  if not ledger.is_reapplying() then
    if tg_table_name = 'suppression_lifts' then
      insert into ledger.wishes (word, email_hash, at) values ('lifted', new.email_hash, new.lifted_at);
    elsif not exists (
      select from ledger.suppressions x where x.email_hash = new.email_hash and x.reason = 'erased') then
      insert into ledger.wishes (word, email_hash, reason, at)
      values ('erased', new.email_hash, 'erased', new.erased_at);
    end if;
  end if;
  return null;
end
$$;
create trigger lift_noted after insert or update on ledger.suppression_lifts
  for each row execute function ledger.note_person();
create trigger erasure_noted after update of erased_at on ledger.leads for each row
  when (new.erased_at is not null and old.erased_at is null) execute function ledger.note_person();

create function ledger.note_status() returns trigger language plpgsql as $$
begin
  if not ledger.is_reapplying() then
    insert into ledger.wishes (word, subject_kind, subject_id, status, until, at)
    values ('status', tg_argv[0], (to_jsonb(new) ->> tg_argv[1])::bigint, new.status,
      (to_jsonb(new) ->> 'cool_down_until')::timestamptz, clock_timestamp());
  end if;
  return null;
end
$$;
create trigger status_noted after update of status, cool_down_until on ledger.mailboxes for each row
  when ((new.status, new.cool_down_until) is distinct from (old.status, old.cool_down_until))
  execute function ledger.note_status('mailbox', 'mailbox_id');
create trigger status_noted after update of status, cool_down_until on ledger.sending_domains for each row
  when ((new.status, new.cool_down_until) is distinct from (old.status, old.cool_down_until))
  execute function ledger.note_status('domain', 'domain_id');
create trigger status_noted after update of status on ledger.provider_accounts for each row
  when (new.status is distinct from old.status) execute function ledger.note_status('account', 'account_id');
create trigger status_noted after update of status on ledger.campaigns for each row
  when (new.status is distinct from old.status) execute function ledger.note_status('campaign', 'campaign_id');

-- What was wished until now.
insert into ledger.wishes (word, email_hash, reason, at)
select case reason when 'erased' then 'erased' else 'suppressed' end, email_hash, reason, created_at
from ledger.suppressions order by created_at;
insert into ledger.wishes (word, subject_kind, subject_id, status, until, at)
select 'status', 'mailbox', mailbox_id, status, cool_down_until, coalesce(status_since, created_at)
from ledger.mailboxes where status <> 'active'
union all
select 'status', 'domain', domain_id, status, cool_down_until, coalesce(status_since, created_at)
from ledger.sending_domains where status <> 'active'
union all
select 'status', 'account', account_id, status, null, created_at from ledger.provider_accounts where status <> 'active'
union all
select 'status', 'campaign', campaign_id, status, null, updated_at
from ledger.campaigns where status in ('paused', 'cancelled', 'deleted');

-- Where the words that lie in the store stand within the transaction that applies them; empty outside of it.
create unlogged table ledger.incoming_wishes (
  place bigint not null,                      -- their order
  word text not null,
  who bytea,
  inbox bytea,                                -- the keyed hash of the inbox that a suppressed address ends in
  reason text not null,
  what text not null,
  which bytea,                                -- the keyed hash of what a status concerns
  status text not null,
  until timestamptz,
  at timestamptz not null
);

-- The last word about each person: an erasure is final; an event from before a lift was forgiven by it, however late its
-- word was written down.
create view ledger.last_wishes as
select distinct on (i.who) i.who, i.word, i.reason, i.inbox, i.at, i.place
from ledger.incoming_wishes i
left join (select who, max(at) as lifted_at from ledger.incoming_wishes where word = 'lifted' group by who) lifts
  on lifts.who = i.who
where i.who is not null and i.word in ('suppressed', 'lifted', 'erased')
  and (i.word <> 'suppressed' or i.reason not in ('hard_bounced', 'unsubscribed', 'complained')
    or lifts.lifted_at is null or i.at > lifts.lifted_at)
order by i.who, i.word = 'erased' desc, i.place desc;

-- What a status can be about, by a name that a restored or rebuilt ledger has, too.
create view ledger.wish_subjects as
select 'mailbox' as kind, mailbox_id as subject_id, address as name, 'mailbox:' || address as label from ledger.mailboxes
union all
select 'domain', domain_id, name, 'domain:' || name from ledger.sending_domains
union all
select 'account', account_id, name, 'account:' || name from ledger.provider_accounts
union all
select 'campaign', campaign_id, name, 'campaign:' || campaign_id || ':' || extract(epoch from created_at)
from ledger.campaigns;
