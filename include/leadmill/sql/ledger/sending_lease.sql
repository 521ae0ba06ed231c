-- name: lock_lease^
-- What does this ledger hold of the lease, and where does it lie? Locked, so that workers of one ledger take turns.
select l.installation::text, l.token::text, l.restoring_since,
  (select system_identifier::text from pg_control_system()) || ':' || d.oid::text as cluster,
  coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'local:' || current_setting('port')) as place,
  d.datname || ' on ' || coalesce(host(inet_server_addr()) || ':' || inet_server_port(),
    'this machine, port ' || current_setting('port')) as name
from ledger.sending_lease l, pg_database d where d.datname = current_database()
for update of l;

-- name: keep_lease!
-- Hold what was put into the store.
update ledger.sending_lease set installation = :installation::uuid, token = :token::uuid,
  renewed_at = :renewed_at::timestamptz, refusal = '', refused_at = null;

-- name: refuse_dispatch!
-- Remember why nothing is sent.
update ledger.sending_lease set refusal = :sentence::text, refused_at = :as_of::timestamptz;

-- name: refusal^
-- Why did the latest dispatch send nothing?
select refusal from ledger.sending_lease;

-- name: has_claim^
-- Is this worker's claim in the ledger?
select exists (select from ledger.claims where claim_id = :claim_id::bigint and worker = :worker::text) as has_claim;

-- name: lease_and_claims^
-- Which token does this ledger hold, where does it lie, and does it know these claims of a worker's? Asked with each claim.
select l.token::text,
  (select system_identifier::text from pg_control_system()) || ':' || d.oid::text as cluster,
  coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'local:' || current_setting('port')) as place,
  not exists (
    select from unnest(:claim_ids::bigint[]) as u(claim_id)
    where not exists (select from ledger.claims c where c.claim_id = u.claim_id and c.worker = :worker::text)) as has_claims
from ledger.sending_lease l, pg_database d where d.datname = current_database();

-- name: known_through^
-- Up to about which claim does this ledger know all?
select greatest(l.acknowledged_claim, (select max(claim_id) from ledger.claims), 0) as claim_id from ledger.sending_lease l;

-- name: unknown_entries
-- Which of these entries of the journal are neither this ledger's own claims nor taken over?
select e.entry from unnest(:entries::text[], :claim_ids::bigint[], :writers::text[]) as e(entry, claim_id, writer)
where not exists (
    select from ledger.claims c where c.claim_id = e.claim_id
      and left(encode(sha256(convert_to(c.worker, 'UTF8')), 'hex'), 16) = e.writer)
  and not exists (select from ledger.journal_entries j where j.entry = e.entry)
order by e.claim_id, e.entry;
