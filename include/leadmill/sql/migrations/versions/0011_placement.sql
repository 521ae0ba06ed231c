-- Placement tests with seed inboxes.

-- Inboxes of our own at each family of providers, read back over IMAP. Nothing in them is ever opened, moved or marked.
create table ledger.seed_inboxes (
  seed_id bigint generated always as identity primary key,
  address text not null unique check (address = lower(address)),
  provider_family text not null check (provider_family <> ''), -- gmail, microsoft, yahoo …: how results are grouped
  imap_host text not null,
  imap_port integer not null default 993 check (imap_port between 1 and 65535),
  tls text not null default 'implicit' check (tls in ('implicit', 'starttls', 'none')),
  user_name text not null default '',         -- empty: the address
  secret_ref text not null default '',
  is_active boolean not null default true,
  read_at timestamptz,
  read_error text not null default '',        -- why the last look at it failed
  created_at timestamptz not null
);

-- One test mail a mailbox and local day at most; the row is written, with its quota, before the mail goes out.
create table ledger.placement_tests (
  test_id bigint generated always as identity primary key,
  mailbox_id bigint not null references ledger.mailboxes,
  seed_id bigint not null references ledger.seed_inboxes,
  day date not null,                          -- of the mailbox
  token text not null unique,                 -- in the mail's header X-Leadmill-Placement
  state text not null default 'claimed' check (state in ('claimed', 'sent', 'refused', 'doubtful')),
  code text not null default '',
  claimed_at timestamptz not null,
  placement text check (placement in ('inbox', 'spam', 'elsewhere', 'missing')), -- null: not found yet
  folder text not null default '',
  found_at timestamptz,
  unique (mailbox_id, day)
);
create index placement_tests_open on ledger.placement_tests (seed_id) where placement is null and state <> 'refused';
