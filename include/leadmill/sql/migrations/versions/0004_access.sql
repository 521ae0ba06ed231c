-- Who may do what, and who did it.

create table ledger.users (
  user_id bigint generated always as identity primary key,
  email text not null unique check (email = lower(email)),
  full_name text not null default '',
  role text not null check (role in ('admin', 'analyst', 'viewer')),
  password_hash text not null,
  is_active boolean not null default true,
  failed_logins integer not null default 0,
  locked_until timestamptz,
  created_at timestamptz not null
);

create table ledger.invitations (
  invitation_id bigint generated always as identity primary key,
  email text not null check (email = lower(email)),
  role text not null check (role in ('admin', 'analyst', 'viewer')),
  token_hash bytea not null unique,
  invited_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz
);

create table ledger.sessions (
  session_id uuid primary key,                -- the JWT's jti
  user_id bigint not null references ledger.users on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);

create table ledger.audit_log (
  audit_id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,                        -- user's e-mail, "system", or a DAG id
  action text not null,                       -- verb.subject, e.g. campaign.approve
  subject_kind text not null,
  subject_id text not null,
  reason text not null default '',
  details jsonb not null default '{}'
);
create index audit_log_subject on ledger.audit_log (subject_kind, subject_id, at);
