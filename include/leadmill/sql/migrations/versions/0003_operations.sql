-- Events seen so far, alerts, blacklists.

create table ledger.projections (
  name text primary key,
  position bigint not null,                   -- last lake event sequence or snapshot applied
  updated_at timestamptz not null
);

create table ledger.alerts (
  alert_id bigint generated always as identity primary key,
  kind text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  subject text not null,                      -- what it concerns: a domain, mailbox id, campaign id
  message text not null,
  dedupe_key text not null,
  occurrences integer not null default 1,
  first_at timestamptz not null,
  last_at timestamptz not null,
  notified_at timestamptz,                    -- when every channel had it
  notified_channels text[] not null default '{}',  -- keyed digests of the Apprise URLs that had it, never the URLs
  notify_claimed_until timestamptz,           -- one notifier works on it until then; also the pause before a retry
  notify_error text not null default '',
  resolved_at timestamptz,
  resolved_by text not null default ''        -- a user's e-mail; empty where the trouble went away by itself
);
-- One open alert per key: the same trouble again counts up instead of ringing again.
create unique index alerts_open on ledger.alerts (dedupe_key) where resolved_at is null;

create table ledger.blacklist_status (
  subject text not null,                      -- IP or domain
  subject_kind text not null check (subject_kind in ('ip', 'domain')),
  zone text not null,
  outcome text not null check (outcome in ('listed', 'clean', 'unknown')),
  answer text not null default '',            -- return codes, or why it is unknown
  since timestamptz not null,                 -- since when the outcome is what it is
  checked_at timestamptz not null,
  consecutive integer not null default 1,
  alerted boolean not null default false,
  primary key (subject, zone)
);
