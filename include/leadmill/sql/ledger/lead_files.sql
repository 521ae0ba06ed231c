-- name: lock_content
-- Waits until no other process imports the same content; let go at the end of the session at the latest.
select pg_advisory_lock(hashtextextended('leadmill lead file ' || :sha256::text, 0));

-- name: imported_file
-- The accepted file with this content.
select * from ledger.lead_files where sha256 = :sha256 and status in ('accepted', 'accepted_with_warnings');

-- name: begin_file
-- A new file's row, or the row that a crashed try of the same content left; the caller holds the content's lock. What a
-- person uploaded goes by their name and the file's own.
insert into ledger.lead_files (uri, file_name, object_modified_at, sha256, byte_size, status, default_source,
  default_legal_basis, default_country, requested_by, started_at, tries)
select :uri, coalesce(u.file_name, :file_name), :object_modified_at, :sha256, :byte_size, 'importing', :default_source,
  :default_legal_basis, :default_country, coalesce(u.actor, :requested_by), clock_timestamp(), 1
from (values (1)) as one left join lateral (
  select a.actor, a.details ->> 'file_name' as file_name from ledger.audit_log a
  where a.subject_kind = 'lead_file' and a.subject_id = :key and a.action = 'lead_file.upload' order by a.at desc limit 1
) u on true
on conflict (sha256) where status in ('importing', 'accepted', 'accepted_with_warnings')
do update set uri = excluded.uri, file_name = excluded.file_name, object_modified_at = excluded.object_modified_at,
  default_source = excluded.default_source, default_legal_basis = excluded.default_legal_basis,
  default_country = excluded.default_country, requested_by = excluded.requested_by, started_at = excluded.started_at,
  tries = lead_files.tries + 1
where lead_files.status = 'importing'
returning lead_file_id, tries;

-- name: forgive_try!
-- The last try ended with a word, so it counts for nothing.
update ledger.lead_files set tries = tries - 1 where lead_file_id = :lead_file_id and status = 'importing' and tries > 0;

-- name: repeat_file
-- Notes once for each object that its content was imported before.
with before as (
  select lead_file_id from ledger.lead_files
  where uri = :uri and object_modified_at = :object_modified_at and byte_size = :byte_size
    and (lead_file_id = :repeats_lead_file_id or repeats_lead_file_id = :repeats_lead_file_id)
  order by lead_file_id limit 1
),
noted as (
  insert into ledger.lead_files (uri, file_name, object_modified_at, sha256, byte_size, status, repeats_lead_file_id,
    verdict, requested_by, started_at, finished_at)
  select :uri, coalesce(u.file_name, :file_name), :object_modified_at, :sha256, :byte_size, 'repeated',
    :repeats_lead_file_id, :verdict, coalesce(u.actor, :requested_by), clock_timestamp(), clock_timestamp()
  from (values (1)) as one left join lateral (
    select a.actor, a.details ->> 'file_name' as file_name from ledger.audit_log a
    where a.subject_kind = 'lead_file' and a.subject_id = :key and a.action = 'lead_file.upload' order by a.at desc limit 1
  ) u on true
  where not exists (select from before)
  returning lead_file_id
)
select lead_file_id from noted union all select lead_file_id from before;

-- name: end_file!
-- Closes a file's row with its verdict and counts.
update ledger.lead_files set status = :status, verdict = :verdict, finished_at = clock_timestamp(), row_count = :row_count,
  new_count = :new_count, updated_count = :updated_count, unchanged_count = :unchanged_count,
  duplicate_count = :duplicate_count, rejected_count = :rejected_count, opted_out_count = :opted_out_count,
  erased_count = :erased_count, suppressed_count = :suppressed_count, rejected_by_reason = :rejected_by_reason::jsonb,
  column_mapping = :column_mapping::jsonb, quarantine_uri = :quarantine_uri
where lead_file_id = :lead_file_id and status = 'importing';

-- name: registered_objects
-- Every object that was dealt with: a crashed try is not among them, so that the next run finishes it.
select uri, byte_size, object_modified_at from ledger.lead_files where status <> 'importing';

-- name: lead_files
-- Lead files, newest first.
select * from ledger.lead_files order by started_at desc, lead_file_id desc limit :limit offset :offset;

-- name: lead_file
-- One lead file.
select * from ledger.lead_files where lead_file_id = :lead_file_id;

-- name: lock_leads!
-- One import writes leads at a time: two with the same addresses in another order would lock each other out.
select pg_advisory_xact_lock(hashtextextended('leadmill import writes leads', 0));

-- name: sort_in_memory
-- Lets this transaction's joins and sorts stay in memory for files of usual size.
select set_config('work_mem', '96MB', true);

-- name: suppress_opt_outs!
-- Addresses that the file itself says must not be mailed; a suppression that is there keeps its reason, unless a server gave it.
insert into ledger.suppressions as known (email_hash, email, reason, source, created_at)
select distinct ledger.keyed_hash(email, :inner_pad::bytea, :outer_pad::bytea), email, 'imported',
  'lead file ' || :lead_file_id::bigint, :as_of::timestamptz
from ledger.staged_opt_outs
on conflict (email_hash) do update
set reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
where known.reason in ('hard_bounced', 'refuses_us');

-- name: take_in_leads
-- Upserts the staged leads. Blanks never overwrite, a legal basis and its proof are only ever raised, erased persons stay out.
with incoming as materialized (
  select s.*, ledger.keyed_hash(s.email, :inner_pad::bytea, :outer_pad::bytea) as email_hash
  from ledger.staged_leads s
),
inboxes as materialized (                     -- most addresses are their own inbox, and need no other hash
  select i.email_hash, case when ledger.inbox(i.email) = i.email then i.email_hash
    else ledger.keyed_hash(ledger.inbox(i.email), :inner_pad::bytea, :outer_pad::bytea) end as inbox_hash
  from incoming i where exists (select from ledger.suppressions where inbox_hash is not null)
),
blocked as materialized (
  select email_hash, bool_or(is_erased) as is_erased from (
    select p.email_hash, p.reason = 'erased' as is_erased
    from incoming i join ledger.suppressions p using (email_hash)
    union all
    select n.email_hash, true from inboxes n join ledger.suppressions p using (inbox_hash)
  ) known group by email_hash
),
written as (
  insert into ledger.leads as l (email, email_hash, email_domain, first_name, last_name, company, job_title, industry,
    category, employee_count, phone, website, country, region, city, time_zone, source, legal_basis, consent_at,
    attributes, lead_file_id, created_at, updated_at)
  select i.email, i.email_hash, i.email_domain, i.first_name, i.last_name, i.company, i.job_title, i.industry,
    i.category, i.employee_count, i.phone, i.website, i.country, i.region, i.city, i.time_zone, i.source,
    i.legal_basis, i.consent_at, coalesce(jsonb_strip_nulls(i.attributes), '{}'), :lead_file_id, :as_of, :as_of
  from incoming i
  where not exists (select from blocked b where b.email_hash = i.email_hash and b.is_erased)
  on conflict (email_hash) do update set
    first_name = coalesce(nullif(excluded.first_name, ''), l.first_name),
    last_name = coalesce(nullif(excluded.last_name, ''), l.last_name),
    company = coalesce(nullif(excluded.company, ''), l.company),
    job_title = coalesce(nullif(excluded.job_title, ''), l.job_title),
    industry = coalesce(nullif(excluded.industry, ''), l.industry),
    category = coalesce(nullif(excluded.category, ''), l.category),
    employee_count = coalesce(excluded.employee_count, l.employee_count),
    phone = coalesce(nullif(excluded.phone, ''), l.phone),
    website = coalesce(nullif(excluded.website, ''), l.website),
    country = coalesce(nullif(excluded.country, ''), l.country),
    region = coalesce(nullif(excluded.region, ''), l.region),
    city = coalesce(nullif(excluded.city, ''), l.city),
    time_zone = coalesce(nullif(excluded.time_zone, ''), l.time_zone),
    -- The source goes with the basis: it says where the consent was given.
    source = case when ledger.legal_basis_rank(excluded.legal_basis) > ledger.legal_basis_rank(l.legal_basis)
      then excluded.source else l.source end,
    legal_basis = case when ledger.legal_basis_rank(excluded.legal_basis) > ledger.legal_basis_rank(l.legal_basis)
      then excluded.legal_basis else l.legal_basis end,
    consent_at = case
      when ledger.legal_basis_rank(excluded.legal_basis) > ledger.legal_basis_rank(l.legal_basis)
        then coalesce(excluded.consent_at, l.consent_at)
      when excluded.legal_basis = l.legal_basis then greatest(l.consent_at, excluded.consent_at)
      else l.consent_at end,
    attributes = l.attributes || excluded.attributes,
    lead_file_id = excluded.lead_file_id,
    updated_at = excluded.updated_at
  where l.erased_at is null and (
    coalesce(nullif(excluded.first_name, ''), l.first_name) <> l.first_name
    or coalesce(nullif(excluded.last_name, ''), l.last_name) <> l.last_name
    or coalesce(nullif(excluded.company, ''), l.company) <> l.company
    or coalesce(nullif(excluded.job_title, ''), l.job_title) <> l.job_title
    or coalesce(nullif(excluded.industry, ''), l.industry) <> l.industry
    or coalesce(nullif(excluded.category, ''), l.category) <> l.category
    or coalesce(excluded.employee_count, l.employee_count) is distinct from l.employee_count
    or coalesce(nullif(excluded.phone, ''), l.phone) <> l.phone
    or coalesce(nullif(excluded.website, ''), l.website) <> l.website
    or coalesce(nullif(excluded.country, ''), l.country) <> l.country
    or coalesce(nullif(excluded.region, ''), l.region) <> l.region
    or coalesce(nullif(excluded.city, ''), l.city) <> l.city
    or coalesce(nullif(excluded.time_zone, ''), l.time_zone) <> l.time_zone
    or ledger.legal_basis_rank(excluded.legal_basis) > ledger.legal_basis_rank(l.legal_basis)
    or (excluded.legal_basis = l.legal_basis and greatest(l.consent_at, excluded.consent_at) is distinct from l.consent_at)
    or not l.attributes @> excluded.attributes)
  returning xmax = 0 as is_new
)
select (select count(*) from incoming) as incoming_count,
  (select count(*) from blocked) as suppressed_count,
  (select count(*) from blocked where is_erased) as erased_count,
  count(*) filter (where is_new) as new_count,
  count(*) filter (where not is_new) as updated_count
from written;
