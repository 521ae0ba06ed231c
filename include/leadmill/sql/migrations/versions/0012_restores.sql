-- Who may send: the lease that this ledger and the store both know, and what a restored ledger learns from the journal.

-- One row. The store's `installation.json` holds the same token as long as nobody else sends by this store.
create table ledger.sending_lease (
  only_row boolean primary key default true check (only_row),
  installation uuid,                          -- null: this ledger has never dispatched
  token uuid,
  renewed_at timestamptz,
  restoring_since timestamptz,                -- `leadmill after-restore` began and has not ended
  refusal text not null default '',           -- why the latest dispatch sent nothing; empty: it did
  refused_at timestamptz,
  acknowledged_claim bigint not null default 0 -- no claim up to this number is unknown: the journal was read that far
);
insert into ledger.sending_lease default values;

-- Entries of the journal that this ledger did not write itself, and has taken over.
create table ledger.journal_entries (
  entry text primary key,                     -- the object's key in the store
  claimed_at timestamptz not null,
  doubted integer not null default 0,         -- so many of its mails were put in doubt
  taken_over_at timestamptz not null
);

-- Mails that left by the journal, but whose row is not in this ledger: a campaign planned after the copy was made. Should
-- the row be planned again, it is in doubt from its first moment.
create table ledger.restored_sends (
  campaign_id bigint not null,
  step smallint not null,
  email_hash bytea not null,
  mailbox_id bigint,
  claim_id bigint,
  claimed_at timestamptz not null,
  primary key (campaign_id, step, email_hash)
);

create function ledger.doubt_restored_sends() returns trigger language plpgsql as $$
begin
  if exists (select from ledger.restored_sends) then
    update ledger.sends s set state = 'ambiguous', code = 'restored', mailbox_id = r.mailbox_id, claim_id = r.claim_id,
      claimed_at = r.claimed_at, attempts = 1
    from new_sends n
    join ledger.leads l on l.lead_id = n.lead_id
    join ledger.campaigns c on c.campaign_id = n.campaign_id
    join ledger.restored_sends r
      on r.campaign_id = n.campaign_id and r.step = n.step and r.email_hash = l.email_hash
    where s.send_id = n.send_id and n.state = 'planned' and c.created_at <= r.claimed_at;
  end if;
  return null;
end
$$;
create trigger sends_restored after insert on ledger.sends referencing new table as new_sends
  for each statement execute function ledger.doubt_restored_sends();
