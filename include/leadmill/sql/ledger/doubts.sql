-- name: expire_leases
-- Whose worker died? Nobody knows whether these went out, so they are never retried by themselves.
with ended as (
  select claim_id, send_ids from ledger.claims
  where not is_swept and lease_until < :as_of::timestamptz
  order by claim_id for no key update skip locked
), swept as (
  update ledger.claims c set is_swept = true from ended where c.claim_id = ended.claim_id
), dead as (
  select s.send_id
  from ended cross join lateral unnest(ended.send_ids) as held(send_id)
  join ledger.sends s on s.send_id = held.send_id
  where s.claim_id = ended.claim_id and s.state = 'claimed'
  order by s.send_id for no key update of s
)
update ledger.sends s set state = 'ambiguous', code = 'lease_expired', state_changed_at = :as_of::timestamptz
from dead where s.send_id = dead.send_id and s.state = 'claimed'
returning s.send_id;

-- name: lose_old_doubts
-- Which ambiguous sends brought no evidence for so long that they count as lost?
with old as (
  select s.send_id from ledger.doubts d join ledger.sends s on s.send_id = d.send_id
  where s.state = 'ambiguous' and s.state_changed_at < :before::timestamptz
  order by s.send_id for no key update of s skip locked
)
update ledger.sends s set state = 'lost', state_changed_at = :as_of::timestamptz
from old where s.send_id = old.send_id
returning s.send_id;

-- name: forget_settled_doubts!
-- Drop what is no longer ambiguous from the doubts.
delete from ledger.doubts d using ledger.sends s where s.send_id = d.send_id and s.state <> 'ambiguous';

-- name: ambiguous_sends
-- Which sends may or may not have gone out? Oldest first.
select s.send_id, s.campaign_id, c.name as campaign_name, s.step, s.lead_id, s.mailbox_id, m.address as mailbox_address,
  s.claimed_at, s.state_changed_at as since, coalesce(s.code, '') as code
from ledger.doubts d join ledger.sends s on s.send_id = d.send_id
join ledger.campaigns c using (campaign_id) join ledger.mailboxes m using (mailbox_id)
where s.state = 'ambiguous'
order by s.state_changed_at, s.send_id
limit :row_limit::integer;

-- name: settle_ambiguous
-- Write a person's decision on an ambiguous send; its claim time is the best knowledge of when it went out.
with settled as (
  update ledger.sends
  set state = :state::text, state_changed_at = :as_of::timestamptz,
    accepted_at = case when :state::text = 'accepted' then coalesce(accepted_at, claimed_at) else accepted_at end
  where send_id = :send_id::bigint and state = 'ambiguous'
  returning send_id, mailbox_id, claimed_at
), counted as (
  update ledger.mailbox_usage mu set accepted = mu.accepted + 1
  from settled s join ledger.mailboxes m using (mailbox_id)
  where :state::text = 'accepted' and mu.mailbox_id = s.mailbox_id
    and mu.day = (s.claimed_at at time zone m.time_zone)::date
)
select send_id from settled;

-- name: send_again
-- Plan an ambiguous send anew, on a person's word that it did not go out: due now, all attempts before it. What it used
-- of the limits stays used, and a campaign that ended sends nothing more.
update ledger.sends s
set state = 'planned', due_at = :as_of::timestamptz, window_ends_at = null, attempts = 0, fault = null, code = null,
  claimed_at = null, answered = true, state_changed_at = :as_of::timestamptz
from ledger.campaigns c
where s.send_id = :send_id::bigint and s.state = 'ambiguous' and c.campaign_id = s.campaign_id
  and c.status in ('running', 'paused')
returning s.send_id;

-- name: state_of_send
-- Where does a send stand, and its campaign?
select s.state, c.status as campaign_status
from ledger.sends s join ledger.campaigns c using (campaign_id) where s.send_id = :send_id::bigint;

-- name: doubts_of_people
-- Which sends may or may not have gone out, to whom, through what? The oldest first.
select s.send_id, s.campaign_id, c.name as campaign_name, c.status as campaign_status, s.step, s.lead_id,
  trim(l.first_name || ' ' || l.last_name) as lead_name, coalesce(l.email, '') as email, v.subject,
  m.address as mailbox_address, a.name as lane, a.provider, s.claimed_at, s.state_changed_at as since,
  coalesce(s.code, '') as code
from ledger.doubts d join ledger.sends s on s.send_id = d.send_id
join ledger.campaigns c on c.campaign_id = s.campaign_id
join ledger.leads l on l.lead_id = s.lead_id
join ledger.variants v on v.variant_id = s.variant_id
join ledger.mailboxes m on m.mailbox_id = s.mailbox_id
join ledger.provider_accounts a on a.account_id = m.account_id
where s.state = 'ambiguous' and (:campaign_id::bigint is null or s.campaign_id = :campaign_id::bigint)
order by s.claimed_at, s.send_id
limit :row_limit::integer;

-- name: taken_around^
-- Of the mails that an account took within a time, how many were heard of again?
select count(*)::integer as taken,
  count(*) filter (where s.state in ('delivered', 'dropped', 'bounced', 'complained'))::integer as reported
from ledger.sends s join ledger.mailboxes m using (mailbox_id) join ledger.provider_accounts a using (account_id)
where a.name = :lane::text and s.accepted_at >= :since::timestamptz and s.accepted_at <= :until::timestamptz
  and s.state in ('accepted', 'delivered', 'dropped', 'bounced', 'complained');
