-- Wishes that an older copy of the ledger would not know of, and those of a person under another spelling (ADR 0026).

-- The latest object of the store's wishes that this ledger wrote or read itself: one after it says that it is an older copy.
create table ledger.wish_log (
  only_row boolean primary key default true check (only_row),
  through timestamptz not null
);

-- Of an erased person nothing stays that says who they were; by this their other spellings are known all the same.
alter table ledger.suppressions add column inbox_hash bytea; -- keyed, of the inbox that an erased address ended in
create index suppressions_inbox_hash on ledger.suppressions (inbox_hash) where inbox_hash is not null;

-- Numbers by which mails left before an older copy was restored, and whose they were, where no row has that number now.
create table ledger.journaled_sends (
  send_id bigint primary key,
  campaign_id bigint not null,
  step smallint not null,
  email_hash bytea not null,
  claimed_at timestamptz not null
);

-- Leads whose address is not its own inbox, by the inbox: few, and found by any other spelling.
create index leads_inbox on ledger.leads (ledger.inbox(email)) where ledger.inbox(email) <> email;
