-- name: put_off_mailbox^
-- A server takes nothing from a mailbox: hold it back, longer each time in a row. Within a wait it is said but once, however
-- many mails hear it. A first request to go slower (`first_count` 0) only waits; what nobody tried for long begins anew.
with before as (
  select mailbox_id, put_off_since, put_off_until, case
    when put_off_since is null or put_off_until < :stale_before::timestamptz then :first_count::integer
    when put_off_until > :now::timestamptz then put_off_count else least(put_off_count + 1, 30000) end as count
  from ledger.mailboxes where mailbox_id = :mailbox_id::bigint for no key update
), next as (
  select mailbox_id, count, case when put_off_until >= :stale_before::timestamptz then put_off_since else :now::timestamptz end as since,
    greatest(put_off_until, :now::timestamptz + greatest(:asked::interval,
      case when count > 0 and (put_off_until is null or put_off_until <= :now::timestamptz)
        then (:waits::interval[])[least(count, cardinality(:waits::interval[]))] end)) as until
  from before
)
update ledger.mailboxes m set put_off_since = n.since, put_off_until = n.until, put_off_count = n.count,
  put_off_reply = :reply::text, refused_in_a_row = 0, next_send_at = greatest(m.next_send_at, n.until)
from next n where m.mailbox_id = n.mailbox_id
returning n.since, n.until, n.count, m.put_off_reply as reply;

-- name: put_off_account^
-- The same of an API, which answers for every mailbox of its account.
with before as (
  select account_id, put_off_since, put_off_until, case
    when put_off_since is null or put_off_until < :stale_before::timestamptz then :first_count::integer
    when put_off_until > :now::timestamptz then put_off_count else least(put_off_count + 1, 30000) end as count
  from ledger.provider_accounts where name = :lane::text for no key update
), next as (
  select account_id, count, case when put_off_until >= :stale_before::timestamptz then put_off_since else :now::timestamptz end as since,
    greatest(put_off_until, :now::timestamptz + greatest(:asked::interval,
      case when count > 0 and (put_off_until is null or put_off_until <= :now::timestamptz)
        then (:waits::interval[])[least(count, cardinality(:waits::interval[]))] end)) as until
  from before
)
update ledger.provider_accounts a set put_off_since = n.since, put_off_until = n.until, put_off_count = n.count,
  put_off_reply = :reply::text, next_send_at = greatest(a.next_send_at, n.until)
from next n where a.account_id = n.account_id
returning n.since, n.until, n.count, a.put_off_reply as reply;

-- name: account_works!
-- An API takes mails again. What waited for the mail that tried goes on at once.
update ledger.provider_accounts set put_off_since = null, put_off_until = null, put_off_count = 0, put_off_reply = '',
  next_send_at = case when least(max_per_second, provider_max_per_second) is not null then least(next_send_at, :now::timestamptz)
    when put_off_count > 0 then null else next_send_at end
where name = :lane::text and put_off_since is not null;

-- name: mailboxes_work!
-- A server takes these mailboxes' mails again. What waited for the mail that tried goes on at once.
update ledger.mailboxes m set put_off_since = null, put_off_until = null, put_off_count = 0, put_off_reply = '',
  refused_in_a_row = 0,
  next_send_at = case when m.put_off_count > 0 and m.min_gap_seconds = 0 then null else m.next_send_at end
from (select mailbox_id from ledger.mailboxes where mailbox_id = any(:mailbox_ids::bigint[])
  order by mailbox_id for no key update) works
where m.mailbox_id = works.mailbox_id;

-- name: count_in_a_row!
-- Remember how many mails in a row a mailbox's server put off.
with said as (
  select w.* from unnest(:mailbox_ids::bigint[], :counts::integer[], :send_ids::bigint[]) as w(mailbox_id, in_a_row, send_id)
  join ledger.mailboxes m using (mailbox_id) order by m.mailbox_id for no key update of m
)
update ledger.mailboxes m set refused_in_a_row = said.in_a_row, refused_send_id = said.send_id
from said where m.mailbox_id = said.mailbox_id;

-- name: forgive_attempts!
-- What a server said to everything costs no send an attempt.
update ledger.sends s set attempts = greatest(0, s.attempts - 1)
from (select send_id from ledger.sends where send_id = any(:send_ids::bigint[]) and state = 'planned' and fault = 'moment'
  order by send_id for no key update) said
where s.send_id = said.send_id;

-- name: put_off_in_lane^
-- How many of a lane's mailboxes wait for their server, of how many that may send; or does the whole account?
select count(*) filter (where m.put_off_count > 0 or a.put_off_count > 0)::integer as waiting, count(*)::integer as mailboxes
from ledger.provider_accounts a join ledger.mailboxes m using (account_id)
where a.name = :lane::text and a.status = 'active' and m.status <> 'paused';

-- name: give_up_sends
-- Give up mails that were due for days, or tried, while no server took anything for as long: those whose thread is a mailbox of this
-- lane that is put off, and first mails (and follow-ups that any mailbox may send) of pools in which every mailbox is.
with standing as materialized (
  select m.mailbox_id, m.pool_id, a.name = :lane::text as is_here, coalesce(
    m.put_off_count > 0 and m.put_off_since <= :before::timestamptz
    or a.put_off_count > 0 and a.put_off_since <= :before::timestamptz, false) as is_put_off
  from ledger.mailboxes m join ledger.provider_accounts a using (account_id)
), hopeless as materialized (
  select pool_id from standing group by pool_id having bool_and(is_put_off) and bool_or(is_here)
), old as (
  select s.send_id from ledger.campaigns c
  join ledger.due_sends q on q.campaign_id = c.campaign_id and q.due_at <= :soon::timestamptz
    and (q.mailbox_id in (select mailbox_id from standing where is_put_off and is_here)
      or q.mailbox_id in (0, -1) and c.pool_id in (select pool_id from hopeless))
  join ledger.sends s on s.send_id = q.send_id
  where c.status = 'running' and s.state = 'planned'
    and (s.due_at <= :before::timestamptz or s.claim_id is not null and s.due_at <= :soon::timestamptz)
  order by s.send_id for no key update of s skip locked
)
update ledger.sends s set state = 'refused', fault = 'moment', code = :code::text, answered = true,
  state_changed_at = :now::timestamptz
from old where s.send_id = old.send_id
returning s.send_id;
