-- name: find_person^
-- Which lead is it, by id or by the address's hash? An erased lead is still found by both.
select lead_id, email_hash, email, erased_at from ledger.leads
where lead_id = :lead_id::bigint or email_hash = :email_hash::bytea
for no key update;

-- name: suppress_by_hand
-- Put an address on the list of those never to be mailed; one that is there keeps its reason, unless a server gave it: that
-- spoke of one address, and a person's word is about them all. No row: it was there.
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at)
select :email_hash::bytea, coalesce((select email from ledger.leads where email_hash = :email_hash::bytea), :email::text),
  'manual', :source::text, :as_of::timestamptz
on conflict (email_hash) do update
set reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
where known.reason in ('hard_bounced', 'refuses_us')
returning email_hash;

-- name: earlier_suppression^
-- Why was this address suppressed before?
select reason, email is not null as has_email from ledger.suppressions where email_hash = :email_hash::bytea;

-- name: lift_suppressions
-- Take an address, and what bars its inbox under another, off the list, and remember when: older words bar no more.
with barring as (
  select x.email_hash from ledger.suppressions x where x.email_hash = :email_hash::bytea
  union
  select x.email_hash from ledger.suppressions x
  where x.email is not null and x.reason not in ('hard_bounced', 'refuses_us') and ledger.inbox(x.email) = ledger.inbox(:email::text)
), lifted as (
  delete from ledger.suppressions x using barring b where x.email_hash = b.email_hash and x.reason <> 'erased'
  returning x.email_hash, x.reason
), remembered as (
  insert into ledger.suppression_lifts as known (email_hash, lifted_at)
  select email_hash, :as_of::timestamptz from lifted
  on conflict (email_hash) do update set lifted_at = greatest(known.lifted_at, excluded.lifted_at)
)
select distinct reason from lifted order by reason;

-- name: leave_tombstone!
-- Hashes alone block from now on, imports too. A suppression that is there keeps its time, and loses the address.
insert into ledger.suppressions (email_hash, email, reason, source, created_at, inbox_hash)
values (:email_hash::bytea, null, 'erased', :source::text, :as_of::timestamptz,
  ledger.keyed_hash(ledger.inbox(:email::text), :inner_pad::bytea, :outer_pad::bytea))
on conflict (email_hash) do update set email = null, reason = 'erased', source = excluded.source,
  inbox_hash = coalesce(excluded.inbox_hash, suppressions.inbox_hash);

-- name: suppress_other_addresses
-- An erased person's other spellings are leads of their own: nobody mails those either.
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at)
select l.email_hash, l.email, 'manual', :source::text, :as_of::timestamptz
from ledger.leads l
where l.email_hash <> :email_hash::bytea and (l.email = ledger.inbox(:email::text)
  or ledger.inbox(l.email) <> l.email and ledger.inbox(l.email) = ledger.inbox(:email::text))
on conflict (email_hash) do update
set reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
where known.reason in ('hard_bounced', 'refuses_us')
returning email_hash;

-- name: lock_planned_sends
-- Hold the planned sends of a lead, in the order of every other change; a claim that has them goes first.
select send_id from ledger.sends where lead_id = :lead_id::bigint and state = 'planned'
order by send_id for no key update;

-- name: suppress_next_sends
-- Which planned send of each campaign was this lead's next? The later ones are its follow-ups.
update ledger.sends s set state = 'suppressed', code = :cause::text, state_changed_at = :as_of::timestamptz
where s.lead_id = :lead_id::bigint and s.state = 'planned' and not exists (
  select from ledger.sends earlier
  where earlier.lead_id = s.lead_id and earlier.campaign_id = s.campaign_id and earlier.state = 'planned'
    and earlier.step < s.step)
returning s.send_id;

-- name: empty_lead
-- Empty all that says who a lead is; its row stays for the counts of campaigns. No row: it was emptied before.
update ledger.leads set email = null, email_domain = '', first_name = '', last_name = '', company = '', job_title = '',
  industry = '', category = '', employee_count = null, phone = '', website = '', country = '', region = '', city = '',
  time_zone = '', source = '', consent_at = null, attributes = '{}', updated_at = :as_of::timestamptz,
  erased_at = :as_of::timestamptz
where lead_id = :lead_id::bigint and erased_at is null
returning lead_id;

-- name: delete_score!
-- An erased person has no score.
delete from ledger.lead_scores where lead_id = :lead_id::bigint;

-- name: delete_window!
-- An erased person has no hours of reading.
delete from ledger.lead_windows where lead_id = :lead_id::bigint;
