-- Mailgun and Postmark beside SMTP, SES and SendGrid; what a provider itself allows an account, and how it judges it.

alter table ledger.provider_accounts drop constraint provider_accounts_provider_check;
alter table ledger.provider_accounts add constraint provider_accounts_provider_check
  check (provider in ('smtp', 'ses', 'sendgrid', 'mailgun', 'postmark'));

alter table ledger.provider_accounts
  add column provider_daily_limit integer check (provider_daily_limit >= 0),  -- a rolling 24 hours; null: no limit known
  add column provider_max_per_second real check (provider_max_per_second > 0),
  add column provider_sent_24h integer check (provider_sent_24h >= 0),        -- by whomever, when it was read
  add column provider_status text not null default '',                        -- the provider's word: HEALTHY, PROBATION …
  add column provider_limits_read_at timestamptz;                             -- null: never read
