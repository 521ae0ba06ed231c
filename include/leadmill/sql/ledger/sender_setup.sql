-- name: accounts_set_up
-- How is each provider account set up? No secret is in it, only where it is.
select a.name, a.provider, a.config, a.secret_ref, a.daily_limit, a.max_per_second, a.spread, a.status,
  a.status_reason, a.provider_daily_limit, a.provider_max_per_second, a.provider_sent_24h, a.provider_status,
  a.provider_limits_read_at,
  count(m.mailbox_id)::integer as mailbox_count
from ledger.provider_accounts a left join ledger.mailboxes m using (account_id)
group by a.account_id
order by a.name;

-- name: domains_set_up
-- How is each sending domain set up?
select d.name, d.sending_ips, d.daily_limit, d.status, count(m.mailbox_id)::integer as mailbox_count,
  array(select key->>'selector' from jsonb_array_elements(d.dkim_keys) key) as dkim_selectors
from ledger.sending_domains d left join ledger.mailboxes m using (domain_id)
group by d.domain_id
order by d.name;

-- name: mailboxes_set_up
-- How is each mailbox set up?
select m.address, d.name as domain, a.name as account, p.name as pool, m.display_name, m.user_name, m.secret_ref,
  m.time_zone, m.daily_limit, m.hourly_limit, m.min_gap_seconds, m.warm_up_started_on, m.warm_up_curve
from ledger.mailboxes m
join ledger.sending_domains d using (domain_id)
join ledger.provider_accounts a using (account_id)
join ledger.pools p using (pool_id)
order by d.name, m.address;
