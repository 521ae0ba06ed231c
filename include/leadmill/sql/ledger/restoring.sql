-- name: begin_restore!
-- Refuse dispatch until the restored ledger has learnt what it lacks.
update ledger.sending_lease set restoring_since = coalesce(restoring_since, :as_of::timestamptz);

-- name: share_lost!
-- People whose mails have no row in this copy, or one in doubt whose campaign was over by it, are looked at by every claim,
-- with all addresses of their inboxes.
with people as materialized (
  select distinct ledger.inbox(l.email) as inbox
  from (
    select lead_id from ledger.lost_mails
    union
    select s.lead_id from ledger.doubts d join ledger.sends s using (send_id)
    where s.state = 'ambiguous' and s.code = 'restored'
  ) m join ledger.leads l on l.lead_id = m.lead_id where l.email is not null
), shared as (
  select l.lead_id, p.inbox from people p join ledger.leads l on ledger.inbox(l.email) = p.inbox
)
insert into ledger.shared_leads (lead_id, person_id)
select s.lead_id, coalesce(min(known.person_id) over same, min(s.lead_id) over same)
from shared s left join ledger.shared_leads known on known.lead_id = s.lead_id
window same as (partition by s.inbox)
on conflict (lead_id) do update set person_id = excluded.person_id where shared_leads.person_id <> excluded.person_id;

-- name: end_restore!
-- Lift the refusal: every claim up to that number is known.
update ledger.sending_lease set restoring_since = null, refusal = '', refused_at = null,
  acknowledged_claim = greatest(acknowledged_claim, :through_claim::bigint);

-- name: note_entry^
-- Take an entry of the journal over, once; nothing where it was taken over before.
insert into ledger.journal_entries (entry, claimed_at, taken_over_at)
values (:entry::text, :claimed_at::timestamptz, :as_of::timestamptz)
on conflict (entry) do nothing returning entry;

-- name: mailboxes_of_journal
-- Which mailbox is meant by each of these? The same number and address; else the address; else, so that people see the mail,
-- any mailbox: one that was set up after the copy was made is not in it.
select j.mailbox_id as journaled, coalesce(
  (select m.mailbox_id from ledger.mailboxes m where m.address = j.address),
  (select m.mailbox_id from ledger.mailboxes m where m.mailbox_id = j.mailbox_id),
  (select min(m.mailbox_id) from ledger.mailboxes m)) as mailbox_id
from unnest(:mailbox_ids::bigint[], :addresses::text[]) as j(mailbox_id, address);

-- name: restore_claim!
-- Put a journaled claim back, closed: a worker that lived through the restore may still write its answers. Its number may
-- be another worker's by now; then nobody's word but evidence or a person's counts.
insert into ledger.claims (claim_id, worker, account_id, claimed_at, lease_until, send_ids, mailbox_ids, reasons, situation,
  open_count, is_swept)
overriding system value
select :claim_id::bigint, :worker::text, a.account_id, :claimed_at::timestamptz, :claimed_at::timestamptz,
  :send_ids::bigint[], :mailbox_ids::bigint[], array_fill('restored'::text, array[cardinality(:send_ids::bigint[])]),
  '{}', 0, true
from (
  select account_id from ledger.provider_accounts where name = :lane::text
  union all
  select m.account_id from ledger.mailboxes m where m.mailbox_id = any(:mailbox_ids::bigint[])
  limit 1) a
on conflict (claim_id) do nothing;

-- name: doubt_journaled_sends^
-- Put what may have left in doubt: the same campaign's same step to the same person, whatever number its row has now. What
-- was refused in this copy may have been sent again since, and nobody may send it again once more. What has no row is remembered, so that planning it again makes a doubt of it. How many are there of each?
with journaled as materialized (
  select distinct on (j.campaign_id, j.step, j.email_hash) j.* from unnest(:send_ids::bigint[], :campaign_ids::bigint[],
    :steps::smallint[], :email_hashes::bytea[], :mailbox_ids::bigint[])
    as j(send_id, campaign_id, step, email_hash, mailbox_id)
), claim as (
  select max(claim_id) as claim_id from ledger.claims
  where claim_id = :claim_id::bigint and worker = :worker::text
), rows as materialized (
  select j.*, s.send_id as row_id, s.state, coalesce(s.state in ('planned', 'claimed') or s.state = 'refused'
    and coalesce(s.claimed_at, '-infinity') < :claimed_at::timestamptz, false) as is_open
  from journaled j
  left join ledger.leads l on l.email_hash = j.email_hash
  -- A campaign that was made after the claim has but its number in common with that one.
  left join ledger.campaigns c on c.campaign_id = j.campaign_id and c.created_at <= :claimed_at::timestamptz
  left join ledger.sends s on s.campaign_id = c.campaign_id and s.step = j.step and s.lead_id = l.lead_id
), locked as materialized (
  select s.send_id from ledger.sends s join rows r on r.row_id = s.send_id
  where r.is_open order by s.send_id for no key update of s
), doubted as (
  update ledger.sends s
  set state = 'ambiguous', code = 'restored', mailbox_id = r.mailbox_id, claimed_at = :claimed_at::timestamptz,
    claim_id = (select claim_id from claim), answered = false, attempts = greatest(s.attempts, 1), fault = null,
    state_changed_at = :as_of::timestamptz
  from rows r join locked on locked.send_id = r.row_id
  where s.send_id = r.row_id and s.state in ('planned', 'claimed', 'refused')
  returning s.send_id, s.campaign_id
), reopened as (
  update ledger.campaigns set status = 'running', finished_at = null, updated_at = :as_of::timestamptz
  where status = 'finished' and campaign_id in (select campaign_id from doubted)
), remembered as (
  insert into ledger.restored_sends as known (campaign_id, step, email_hash, mailbox_id, claim_id, claimed_at)
  select campaign_id, step, email_hash, mailbox_id, (select claim_id from claim), :claimed_at::timestamptz
  from rows where row_id is null
  on conflict (campaign_id, step, email_hash) do update
  set mailbox_id = excluded.mailbox_id, claim_id = excluded.claim_id, claimed_at = excluded.claimed_at
  where known.claimed_at < excluded.claimed_at
), numbered as (
  -- Under these numbers people answer, leave and complain, and no row has them.
  insert into ledger.journaled_sends (send_id, campaign_id, step, email_hash, claimed_at)
  select send_id, campaign_id, step, email_hash, :claimed_at::timestamptz
  from rows where row_id is distinct from send_id
  on conflict (send_id) do nothing
)
select (select count(*) from doubted)::integer as doubted,
  (select count(*) from rows where row_id is null)::integer as missing, count(*)::integer as journaled
from rows;

-- name: take_journaled_quota!
-- Use up what a journaled claim used of each limit, in the buckets of its time; its lane's clock does not stand before it.
with boxes as (
  select m.mailbox_id, m.domain_id, m.account_id, m.time_zone, n.taken
  from (select mailbox_id, count(*)::integer as taken from unnest(:mailbox_ids::bigint[]) as u(mailbox_id) group by 1) n
  join ledger.mailboxes m using (mailbox_id)
), days as (
  insert into ledger.mailbox_usage as mu (mailbox_id, day, taken)
  select mailbox_id, (:claimed_at::timestamptz at time zone time_zone)::date, taken from boxes
  on conflict (mailbox_id, day) do update set taken = mu.taken + excluded.taken
), hours as (
  insert into ledger.mailbox_hour_usage as hu (mailbox_id, hour, taken)
  select mailbox_id, date_trunc('hour', :claimed_at::timestamptz), taken from boxes
  on conflict (mailbox_id, hour) do update set taken = hu.taken + excluded.taken
), domains as (
  insert into ledger.domain_usage as du (domain_id, day, taken)
  select domain_id, (:claimed_at::timestamptz at time zone 'UTC')::date, sum(taken) from boxes group by domain_id
  on conflict (domain_id, day) do update set taken = du.taken + excluded.taken
), accounts as (
  insert into ledger.account_usage as au (account_id, hour, taken)
  select account_id, date_trunc('hour', :claimed_at::timestamptz), sum(taken) from boxes group by account_id
  on conflict (account_id, hour) do update set taken = au.taken + excluded.taken
), families as (
  select m.domain_id, rd.family, count(*)::integer as taken
  from unnest(:mailbox_ids::bigint[], :email_hashes::bytea[]) as u(mailbox_id, email_hash)
  join ledger.mailboxes m using (mailbox_id)
  join ledger.leads l on l.email_hash = u.email_hash
  join ledger.recipient_domains rd on rd.domain = l.email_domain
  join ledger.recipient_families f on f.family = rd.family and f.hourly_limit is not null
  group by 1, 2
), recipients as (
  insert into ledger.recipient_usage as ru (domain_id, family, hour, taken)
  select domain_id, family, date_trunc('hour', :claimed_at::timestamptz), taken from families
  on conflict (domain_id, hour, family) do update set taken = ru.taken + excluded.taken
)
update ledger.provider_accounts a
set last_claim_at = :claimed_at::timestamptz, last_claim_server_time = null
where a.account_id in (select account_id from boxes)
  and (a.last_claim_at is null or a.last_claim_at < :claimed_at::timestamptz);

-- name: move_sequences_on
-- Give no number again that was given after the copy was made: events and mails of then carry them.
select setval(pg_get_serial_sequence('ledger.' || t.name, t.id), t.highest)
from (values ('sends', 'send_id', :send_id::bigint), ('leads', 'lead_id', :lead_id::bigint),
  ('campaigns', 'campaign_id', :campaign_id::bigint), ('variants', 'variant_id', :variant_id::bigint),
  ('mailboxes', 'mailbox_id', :mailbox_id::bigint), ('claims', 'claim_id', :claim_id::bigint)) as t(name, id, highest)
where t.highest > coalesce(pg_sequence_last_value(pg_get_serial_sequence('ledger.' || t.name, t.id)::regclass), 0);

-- name: note_doubted!
-- Remember how many mails of an entry were put in doubt.
update ledger.journal_entries set doubted = :doubted::integer where entry = :entry::text;

-- name: restore_standing^
-- How far is this restore: since when were mails sent that the copy lacks, how many are in doubt by it, how many still wait?
select
  (select min(j.claimed_at) from ledger.journal_entries j where j.taken_over_at >= l.restoring_since) as lacks_since,
  coalesce((select sum(j.doubted) from ledger.journal_entries j where j.taken_over_at >= l.restoring_since), 0)::integer
    as doubted,
  (select count(*) from ledger.doubts d join ledger.sends s using (send_id)
    where s.state = 'ambiguous' and s.code = 'restored' and s.state_changed_at >= l.restoring_since)::integer as waiting
from ledger.sending_lease l;
