-- Warm-up by evidence, probation and the guardrails' evidence.

-- Which curve a warm-up follows: a name or a list of daily limits (leadmill.domain.warm_up.curve_of). Empty: the mailbox
-- takes its pool's, the pool the seed rule.
alter table ledger.pools add column warm_up_curve text not null default '';
alter table ledger.mailboxes add column warm_up_curve text not null default '';

-- Where a mailbox's warm-up stands; none: it never warmed up here and sends its full limit.
create table ledger.warm_ups (
  mailbox_id bigint primary key references ledger.mailboxes,
  stage smallint not null default 0 check (stage >= 0), -- days with mail and clean evidence
  cut_limit integer check (cut_limit >= 0),   -- what a cut left, until the next advance
  last_cut_on date,                           -- older evidence does not count again
  evaluated_on date not null,                 -- the mailbox's local day whose limit this is
  last_advanced_on date,
  reason text not null default ''             -- why the limit is what it is
);
-- Until now a warm-up went by its age: each mailbox keeps the stage that its age gave.
insert into ledger.warm_ups (mailbox_id, stage, evaluated_on, last_advanced_on, reason)
select mailbox_id, least(greatest(today - warm_up_started_on, 0), 200), greatest(today, warm_up_started_on),
  case when today > warm_up_started_on then today end, 'taken over from the warm-up by age'
from (select *, (now() at time zone time_zone)::date as today from ledger.mailboxes) m
where warm_up_started_on is not null;

-- A mailbox at a low limit after a cool-down or a guardrail's pause.
create table ledger.probations (
  probation_id bigint generated always as identity primary key,
  mailbox_id bigint not null references ledger.mailboxes,
  began_on date not null,
  clean_days smallint not null default 0,
  evaluated_on date not null,
  cause text not null,                        -- what it returned from
  ended_on date
);
create unique index probations_open on ledger.probations (mailbox_id) where ended_on is null;

-- What each day did to a mailbox's limit, for people.
create table ledger.limit_days (
  mailbox_id bigint not null references ledger.mailboxes,
  kind text not null check (kind in ('warm_up', 'probation')),
  day date not null,
  change text not null,
  stage smallint not null,                    -- of a probation: its clean days
  day_limit integer not null,
  reason text not null,
  evidence jsonb not null default '{}',
  primary key (mailbox_id, kind, day)
);

-- Everything that was ever stopped, with its evidence; the open row says why it is stopped now.
create table ledger.holds (
  hold_id bigint generated always as identity primary key,
  subject_kind text not null check (subject_kind in ('mailbox', 'domain', 'account')),
  subject_id bigint not null,
  status text not null check (status in ('paused', 'cooling_down')),
  cause text not null check (cause in ('person', 'evidence', 'provider', 'blacklist')),
  finding text not null default '',           -- leadmill.domain.guardrails.Finding, of evidence
  reason text not null,
  evidence jsonb not null default '{}',
  began_by text not null,
  began_at timestamptz not null,
  until timestamptz,
  ended_by text not null default '',
  ended_at timestamptz,
  end_reason text not null default ''
);
create unique index holds_open on ledger.holds (subject_kind, subject_id) where ended_at is null;
create index holds_began on ledger.holds (began_at);
insert into ledger.holds (subject_kind, subject_id, status, cause, reason, evidence, began_by, began_at, until)
select 'mailbox', mailbox_id, status, case when status_evidence -> 'evidence' ? 'sent' then 'evidence' else 'person' end,
  status_reason, coalesce(status_evidence -> 'evidence', '{}'), '', coalesce(status_since, created_at), cool_down_until
from ledger.mailboxes where status <> 'active'
union all
select 'domain', domain_id, status, case status when 'cooling_down' then 'evidence' else 'person' end, status_reason, '{}', '',
  coalesce(status_since, created_at), cool_down_until
from ledger.sending_domains where status <> 'active'
union all
select 'account', account_id, status, 'person', status_reason, '{}', '', created_at, null
from ledger.provider_accounts where status <> 'active';

-- Campaigns that somebody complained about: a person reads their content and confirms it.
create table ledger.content_reviews (
  review_id bigint generated always as identity primary key,
  campaign_id bigint not null references ledger.campaigns,
  complaints integer not null,
  mails bigint not null,                      -- accepted ones of the campaign when it was counted
  mailbox_ids bigint[] not null,
  is_held boolean not null default false,     -- the campaign was paused for it
  opened_at timestamptz not null,
  closed_at timestamptz,
  closed_by text not null default '',
  close_reason text not null default ''
);
create unique index content_reviews_open on ledger.content_reviews (campaign_id) where closed_at is null;
-- Complaints, written with the send's new state: an index on the state would keep its row from changing in place.
create table ledger.complaints (
  send_id bigint primary key,
  campaign_id bigint not null,
  mailbox_id bigint not null,
  complained_at timestamptz not null
);
create index complaints_campaign on ledger.complaints (campaign_id);
insert into ledger.complaints (send_id, campaign_id, mailbox_id, complained_at)
select send_id, campaign_id, mailbox_id, state_changed_at from ledger.sends
where state = 'complained' and mailbox_id is not null;
