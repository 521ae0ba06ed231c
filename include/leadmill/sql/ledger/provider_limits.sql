-- name: account_due_for_reading
-- Which account is this, if its provider is to be asked again? It counts as asked from now on: one worker asks.
update ledger.provider_accounts set provider_limits_read_at = :as_of::timestamptz
where name = :lane::text and status = 'active' and provider = any(:providers::text[])
  and (provider_limits_read_at is null or provider_limits_read_at < :read_before::timestamptz)
returning name, provider, config, secret_ref;

-- name: save_provider_limits!
-- Keep what a provider allows an account, how it judges it, and how much of the day others used: its count less ours.
update ledger.provider_accounts a
set others_sent_24h = greatest(0, coalesce(:sent_24h::integer, 0) - greatest(0, (
    select coalesce(sum(u.taken), 0) from ledger.account_usage u
    where u.account_id = a.account_id and u.hour > a.provider_limits_read_at - interval '24 hours'
  ) - (
    -- Mails that were claimed and perhaps not handed over yet: the provider does not know them.
    select count(*) from ledger.claims c cross join lateral unnest(c.send_ids) as i(send_id)
    join ledger.sends s on s.send_id = i.send_id and s.claim_id = c.claim_id
    where c.account_id = a.account_id and c.lease_until > a.provider_limits_read_at and not c.is_swept
      and s.state = 'claimed' and not s.answered
  ))),
  provider_daily_limit = :daily_limit::integer, provider_max_per_second = :max_per_second::real,
  provider_sent_24h = :sent_24h::integer, provider_status = :status::text
where name = :lane::text;

-- name: is_released_from^
-- Did a person release this account since its provider first said this word of it, and has it said no other since?
select exists (
  select from ledger.provider_accounts a
  join ledger.holds h on h.subject_kind = 'account' and h.subject_id = a.account_id and h.ended_at is not null
  where a.name = :lane::text and a.provider_status = :status::text
    and h.evidence ->> 'provider_status' = :status::text) as is_released;
