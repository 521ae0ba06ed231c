-- Who sends, what is sent, and the promise that nobody is mailed twice.

create table ledger.provider_accounts (
  account_id bigint generated always as identity primary key,
  name text not null unique,                  -- the lane's name
  provider text not null check (provider in ('smtp', 'ses', 'sendgrid')),
  config jsonb not null default '{}',         -- host, port, tls, region, endpoint, preset …; never a secret
  secret_ref text not null default '',        -- environment variable or Airflow connection that holds the secret
  daily_limit integer check (daily_limit >= 0),
  max_per_second real check (max_per_second > 0),
  status text not null default 'active' check (status in ('active', 'paused')),
  status_reason text not null default '',
  created_at timestamptz not null
);

create table ledger.pools (
  pool_id bigint generated always as identity primary key,
  name text not null unique,
  accepts_legal_bases text[] not null,        -- policy: which legal bases this pool may mail
  override_reason text not null default '',   -- an admin's reason for a wider policy than the default
  created_at timestamptz not null
);

create table ledger.sending_domains (
  domain_id bigint generated always as identity primary key,
  name text not null unique check (name = lower(name)),
  sending_ips text[] not null default '{}',
  daily_limit integer check (daily_limit >= 0),
  status text not null default 'active' check (status in ('active', 'paused', 'cooling_down')),
  status_reason text not null default '',
  status_since timestamptz,
  cool_down_until timestamptz,
  created_at timestamptz not null
);

create table ledger.mailboxes (
  mailbox_id bigint generated always as identity primary key,
  domain_id bigint not null references ledger.sending_domains,
  account_id bigint not null references ledger.provider_accounts,
  pool_id bigint not null references ledger.pools,
  address text not null unique check (address = lower(address)),
  display_name text not null default '',
  user_name text not null default '',
  secret_ref text not null default '',        -- overrides the account's
  time_zone text not null default 'UTC',      -- its day starts at this zone's midnight
  daily_limit integer not null default 40 check (daily_limit >= 0),
  hourly_limit integer check (hourly_limit >= 0),
  min_gap_seconds integer not null default 0 check (min_gap_seconds >= 0),
  warm_up_started_on date,                    -- null: not warming up, full limit
  status text not null default 'active' check (status in ('active', 'paused', 'cooling_down')),
  status_reason text not null default '',
  status_evidence jsonb not null default '{}',
  status_since timestamptz,
  cool_down_until timestamptz,
  next_send_at timestamptz,                   -- earliest next claim, from min_gap_seconds
  created_at timestamptz not null
);
create index mailboxes_account on ledger.mailboxes (account_id);

-- What a mailbox used of its limits: one row per local day; taken in the claiming transaction.
create table ledger.mailbox_usage (
  mailbox_id bigint not null references ledger.mailboxes,
  day date not null,
  taken integer not null default 0 check (taken >= 0),
  accepted integer not null default 0,
  refused integer not null default 0,
  primary key (mailbox_id, day)
);
create table ledger.mailbox_hour_usage (
  mailbox_id bigint not null references ledger.mailboxes,
  hour timestamptz not null,
  taken integer not null default 0 check (taken >= 0),
  primary key (mailbox_id, hour)
);
-- What collected events say of a mailbox, by UTC day of the send's acceptance.
create table ledger.mailbox_health (
  mailbox_id bigint not null references ledger.mailboxes,
  day date not null,
  accepted integer not null default 0,
  delivered integer not null default 0,
  hard_bounced integer not null default 0,
  soft_bounced integer not null default 0,
  blocked integer not null default 0,
  complained integer not null default 0,
  unsubscribed integer not null default 0,
  replied integer not null default 0,
  primary key (mailbox_id, day)
);

create table ledger.campaigns (
  campaign_id bigint generated always as identity primary key,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'draft'
    check (status in ('draft', 'approved', 'running', 'paused', 'finished', 'cancelled', 'deleted')),
  pool_id bigint references ledger.pools,
  segment jsonb not null default '{}',        -- leadmill.domain.campaigns.Segment
  timing text not null default 'best_time' check (timing in ('as_soon_as_possible', 'best_time', 'local_time', 'utc_time')),
  send_hour smallint check (send_hour between 0 and 23),
  starts_at timestamptz,
  ends_at timestamptz,
  track_opens boolean not null default true,
  track_clicks boolean not null default true,
  seed bigint not null default 0,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  approved_by text not null default '',
  approved_at timestamptz,
  planned_at timestamptz,
  finished_at timestamptz,
  status_reason text not null default '',
  audience_count bigint not null default 0,   -- leads that the segment held when it was planned
  left_out jsonb not null default '{}'        -- counts per reason of leads that got no send row
);

create table ledger.campaign_steps (
  campaign_id bigint not null references ledger.campaigns on delete cascade,
  step smallint not null check (step >= 1),
  delay_days smallint not null default 0 check (delay_days >= 0),
  primary key (campaign_id, step)
);

create table ledger.variants (
  variant_id bigint generated always as identity primary key,
  campaign_id bigint not null,
  step smallint not null,
  label text not null,
  weight real not null default 1 check (weight > 0),
  subject text not null,
  body_html text not null,
  body_text text not null default '',
  foreign key (campaign_id, step) references ledger.campaign_steps on delete cascade,
  unique (campaign_id, step, label)
);

create table ledger.sends (
  send_id bigint generated always as identity primary key,
  campaign_id bigint not null references ledger.campaigns,
  step smallint not null,
  lead_id bigint not null references ledger.leads,
  variant_id bigint not null references ledger.variants,
  state text not null default 'planned' check (state in ('planned', 'suppressed', 'claimed', 'accepted', 'delivered',
    'bounced', 'complained', 'refused', 'ambiguous', 'lost', 'cancelled', 'expired')),
  due_at timestamptz,                         -- null: waits for the step before
  window_ends_at timestamptz,                 -- null: no window; past it, the next window is due
  priority real not null default 0,           -- score; higher goes first
  attempts smallint not null default 0,
  mailbox_id bigint references ledger.mailboxes,
  assignment jsonb,                           -- why this mailbox
  claimed_at timestamptz,
  lease_until timestamptz,
  worker text,
  provider_message_id text,
  accepted_at timestamptz,
  fault text,
  code text,                                  -- refusal code or cancel reason
  state_changed_at timestamptz not null,
  replied_at timestamptz,
  constraint sends_once unique (campaign_id, step, lead_id)
);
create index sends_due on ledger.sends (due_at, send_id) where state = 'planned';
create index sends_lease on ledger.sends (lease_until) where state = 'claimed';
create index sends_lead on ledger.sends (lead_id);
create index sends_state on ledger.sends (campaign_id, state);
create index sends_provider_message on ledger.sends (provider_message_id) where provider_message_id is not null;
create index sends_mailbox on ledger.sends (mailbox_id, accepted_at) where mailbox_id is not null;
