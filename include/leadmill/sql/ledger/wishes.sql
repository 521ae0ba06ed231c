-- name: take_turns
-- One process hands wishes on at a time, so that they stay in order; is it this one?
select pg_try_advisory_xact_lock(7316506) as is_mine;

-- name: wait_for_turn
-- The same, after whoever is at it.
select true as is_mine from (select pg_advisory_xact_lock(7316506)) as turn;

-- name: take_wishes
-- Take the oldest wishes off the outbox, with keyed hashes in place of addresses and names.
with next as materialized (
  select wish_id from ledger.wishes order by wish_id limit :row_limit::integer
), taken as (
  delete from ledger.wishes w using next where w.wish_id = next.wish_id returning w.*
)
select t.word, t.email_hash as who, t.reason, t.subject_kind as what, t.status, t.until, t.at, t.noted_at,
  coalesce(ledger.keyed_hash(ledger.inbox(x.email), :inner_pad::bytea, :outer_pad::bytea), x.inbox_hash) as inbox,
  ledger.keyed_hash(s.label, :inner_pad::bytea, :outer_pad::bytea) as which
from taken t
left join ledger.suppressions x on t.word in ('suppressed', 'erased') and x.email_hash = t.email_hash
left join ledger.wish_subjects s on t.word = 'status' and s.kind = t.subject_kind and s.subject_id = t.subject_id
order by t.wish_id;

-- name: time_of_next_object^
-- How far is the log known, and which time does its next object have? Later than all before, whatever the clock says.
select max(through) as through, greatest(clock_timestamp(), max(through) + interval '1 microsecond') as at from ledger.wish_log;

-- name: note_read!
-- Remember how far the log was read or written.
insert into ledger.wish_log as known (through) values (:through::timestamptz)
on conflict (only_row) do update set through = greatest(known.through, excluded.through);

-- name: waiting_wishes
-- Does a wish wait for longer than this?
select exists (select from ledger.wishes where noted_at < clock_timestamp() - :time::interval) as is_late;

-- name: begin_reapplying
-- From here to the end of the transaction nothing is written down anew.
select set_config('leadmill.reapplying', 'on', true);

-- name: remember_lifts!
-- Who came back, and when for the last time?
insert into ledger.suppression_lifts as known (email_hash, lifted_at)
select who, max(at) from ledger.incoming_wishes where word = 'lifted' group by who
on conflict (email_hash) do update set lifted_at = excluded.lifted_at where known.lifted_at < excluded.lifted_at;

-- name: lift_again
-- Whose last word is that they came back, and what bars them is older? An erasure is final.
delete from ledger.suppressions x using ledger.last_wishes w
where w.word = 'lifted' and x.email_hash = w.who and x.reason <> 'erased' and x.created_at <= w.at
returning x.email_hash;

-- name: suppress_again
-- Whose last word bars them? The address comes from the lead, where there is one.
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at)
select w.who, l.email, w.reason, 'wishes', w.at
from ledger.last_wishes w left join ledger.leads l on l.email_hash = w.who
where w.word = 'suppressed'
on conflict (email_hash) do update
set reason = excluded.reason, created_at = excluded.created_at, email = coalesce(known.email, excluded.email)
where known.reason <> 'erased' and (known.reason, known.created_at) is distinct from (excluded.reason, excluded.created_at)
returning email_hash;

-- name: suppress_aliases
-- Which leads end in the inbox of a barred address that the ledger does not know itself? A lead that came back since is not.
with barred as materialized (
  select distinct on (w.inbox) w.inbox, w.reason, w.at, w.place
  from ledger.last_wishes w join ledger.suppressions x on x.email_hash = w.who
  where w.word in ('suppressed', 'erased') and w.inbox is not null and w.reason not in ('hard_bounced', 'refuses_us') and x.email is null
  order by w.inbox, w.place desc
), inboxes as materialized (
  select l.email_hash, l.email, ledger.keyed_hash(ledger.inbox(l.email), :inner_pad::bytea, :outer_pad::bytea) as inbox
  from ledger.leads l where l.email is not null and exists (select from barred)
)
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at)
select l.email_hash, l.email, case b.reason when 'erased' then 'manual' else b.reason end, 'wishes', b.at
from inboxes l join barred b using (inbox) left join ledger.last_wishes own on own.who = l.email_hash
where own.who is null or own.word = 'lifted' and own.place < b.place
on conflict (email_hash) do update
set reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
where known.reason in ('hard_bounced', 'refuses_us')
returning email_hash;

-- name: leave_tombstones
-- Who was erased? The hash alone bars them, as at their erasure.
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at, inbox_hash)
select w.who, null, 'erased', 'wishes', w.at, w.inbox from ledger.last_wishes w where w.word = 'erased'
on conflict (email_hash) do update set email = null, reason = 'erased', source = excluded.source,
  inbox_hash = coalesce(excluded.inbox_hash, known.inbox_hash)
where known.reason <> 'erased' or known.email is not null
returning email_hash;

-- name: leads_to_erase
-- Which leads of this copy are people who were erased?
select l.lead_id from ledger.last_wishes w join ledger.leads l on l.email_hash = w.who
where w.word = 'erased' and l.erased_at is null
order by l.lead_id for no key update of l;

-- name: stopped_subjects
-- What was stopped by the last word about it?
with last as (
  select distinct on (what, which) what, which, status, until from ledger.incoming_wishes
  where word = 'status' order by what, which, place desc
)
select s.kind, s.subject_id, s.name, last.status, last.until
from last join ledger.wish_subjects s
  on s.kind = last.what and ledger.keyed_hash(s.label, :inner_pad::bytea, :outer_pad::bytea) = last.which
where last.status in ('paused', 'cooling_down', 'cancelled', 'deleted')
order by s.kind, s.subject_id;
