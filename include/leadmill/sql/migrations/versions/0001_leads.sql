-- Leads, where they came from, and who must never be mailed again.
create schema if not exists ledger;

-- HMAC-SHA256 (RFC 2104) with the pads worked out by the caller: leadmill.domain.identity.hash_pads.
create function ledger.keyed_hash(value text, inner_pad bytea, outer_pad bytea) returns bytea
language sql immutable parallel safe
return sha256(outer_pad || sha256(inner_pad || convert_to(value, 'UTF8')));

-- What the secret key made of a constant at the first migration: with another key, no hash below would match any more.
create table ledger.installation (
  only_row boolean primary key default true check (only_row),
  key_check bytea not null,
  created_at timestamptz not null
);

create table ledger.organisation (
  only_row boolean primary key default true check (only_row),
  name text not null,
  postal_address text not null,
  website text not null default '',
  updated_at timestamptz not null
);

create table ledger.lead_files (
  lead_file_id bigint generated always as identity primary key,
  uri text not null,
  file_name text not null,
  object_modified_at timestamptz,             -- tells a file replaced under the same name from one already read
  sha256 text not null,
  byte_size bigint not null,
  status text not null check (status in ('importing', 'accepted', 'accepted_with_warnings', 'refused', 'failed',
    'repeated')),
  repeats_lead_file_id bigint references ledger.lead_files,
  row_count bigint not null default 0,
  new_count bigint not null default 0,
  updated_count bigint not null default 0,
  unchanged_count bigint not null default 0,
  duplicate_count bigint not null default 0,
  rejected_count bigint not null default 0,
  opted_out_count bigint not null default 0,  -- rows that say themselves "do not mail"
  erased_count bigint not null default 0,     -- rows of erased persons, not taken in again
  suppressed_count bigint not null default 0, -- of all rows: addresses that must not be mailed
  rejected_by_reason jsonb not null default '{}',
  column_mapping jsonb not null default '{}',
  default_source text not null default '',
  default_legal_basis text not null default '',
  default_country text not null default '',
  verdict text not null default '',          -- one sentence for people
  quarantine_uri text not null default '',
  requested_by text not null default '',
  started_at timestamptz not null,
  finished_at timestamptz
);
-- The same content is imported once; a refused or failed file may be tried again.
create unique index lead_files_content on ledger.lead_files (sha256)
  where status in ('importing', 'accepted', 'accepted_with_warnings');
create index lead_files_uri on ledger.lead_files (uri);

create table ledger.leads (
  lead_id bigint generated always as identity primary key,
  email text unique,                          -- normalised; null once erased
  email_hash bytea not null unique,
  email_domain text not null,
  first_name text not null default '',
  last_name text not null default '',
  company text not null default '',
  job_title text not null default '',
  industry text not null default '',
  category text not null default '',
  employee_count integer,
  phone text not null default '',
  website text not null default '',
  country text not null default '' check (country = '' or country ~ '^[A-Z]{2}$'),
  region text not null default '',
  city text not null default '',
  time_zone text not null default '',         -- IANA name as the file gave it; inferred zones live in lead_windows
  source text not null,
  legal_basis text not null check (legal_basis in ('consent', 'legitimate_interest', 'contract')),
  consent_at timestamptz,
  attributes jsonb not null default '{}',
  lead_file_id bigint references ledger.lead_files,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  erased_at timestamptz
);
create index leads_country on ledger.leads (country);
create index leads_file on ledger.leads (lead_file_id);

-- Where a file's accepted rows and opt-outs stand within the transaction that takes them over; empty outside of it.
create unlogged table ledger.staged_leads (
  email text not null,
  email_domain text not null,
  first_name text not null,
  last_name text not null,
  company text not null,
  job_title text not null,
  industry text not null,
  category text not null,
  employee_count integer,
  phone text not null,
  website text not null,
  country text not null,
  region text not null,
  city text not null,
  time_zone text not null,
  source text not null,
  legal_basis text not null,
  consent_at timestamptz,
  attributes jsonb
);
create unlogged table ledger.staged_opt_outs (email text not null);

-- How strong a legal basis is: an import may raise a lead's, never lower it.
create function ledger.legal_basis_rank(legal_basis text) returns integer
language sql immutable parallel safe
return case legal_basis when 'consent' then 3 when 'contract' then 2 else 1 end;

create table ledger.suppressions (
  email_hash bytea primary key,
  email text,                                 -- null after erasure: the hash still blocks
  reason text not null check (reason in ('unsubscribed', 'complained', 'hard_bounced', 'manual', 'erased', 'imported')),
  source text not null default '',            -- event id, file, or user
  created_at timestamptz not null
);

create table ledger.lead_scores (
  lead_id bigint primary key references ledger.leads on delete cascade,
  probability real not null check (probability between 0 and 1),
  reasons jsonb not null default '[]',        -- [{"feature", "label", "effect"}], strongest first
  model text not null,
  is_base_rate boolean not null default false,
  as_of timestamptz not null
);
create index lead_scores_probability on ledger.lead_scores (probability desc, lead_id desc);

create table ledger.lead_windows (
  lead_id bigint primary key references ledger.leads on delete cascade,
  time_zone text not null,
  zone_source text not null check (zone_source in ('file', 'country', 'phone', 'email_domain', 'default')),
  zone_confidence real not null check (zone_confidence between 0 and 1),
  local_hours smallint[] not null,            -- hours of the local week, 0 = Monday 00:00, best first
  confidence real not null check (confidence between 0 and 1),
  basis text not null check (basis in ('own_history', 'pooled_history', 'default')),
  as_of timestamptz not null
);

-- Where a run's new scores and windows stand until they are taken over in one transaction. Unlogged: a crash costs a re-run.
create unlogged table ledger.incoming_scores (
  lead_id bigint not null,
  probability real not null,
  reasons text not null
);
create unlogged table ledger.incoming_windows (
  lead_id bigint not null,
  time_zone text not null,
  zone_source text not null,
  zone_confidence real not null,
  local_hours smallint[] not null,
  confidence real not null,
  basis text not null
);
