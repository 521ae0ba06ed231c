-- name: accepted_legal_bases
-- Which legal bases may a pool mail? Asked first and handed to the statements below: with a sub-query as its argument,
-- `ledger.audience` is not taken apart by the planner, which then thinks of a thousand leads and joins them one by one.
select accepts_legal_bases from ledger.pools where pool_id = :pool_id::bigint;

-- name: audience_counts
-- How many of a segment's leads will be mailed (no reason), and how many are left out for which reason? And which campaigns
-- have something with them?
select a.left_out, a.replied_to, a.in_sequence_of, a.mailed_by, count(*) as lead_count
from ledger.audience(:segment::jsonb, :accepts::text[], :skips_replied::boolean, :skips_in_sequence::boolean,
  :skips_mailed::boolean, :mailed_since::timestamptz) a
group by 1, 2, 3, 4;

-- name: sample_leads
-- A few mailable leads of a segment, spread over its categories.
select l.lead_id, trim(l.first_name || ' ' || l.last_name) as name, l.company, l.country, l.category
from ledger.segment_leads(:segment::jsonb) m join ledger.leads l on l.lead_id = m.lead_id
where l.email is not null and l.erased_at is null
order by row_number() over (partition by l.category order by l.lead_id), l.category, l.lead_id
limit :limit::integer;

-- name: recipients
-- Leads as a template sees them.
select l.lead_id, l.email, ledger.template_fields(l) as fields
from unnest(:lead_ids::bigint[]) with ordinality asked (lead_id, place)
join ledger.leads l on l.lead_id = asked.lead_id
where l.email is not null and l.erased_at is null
order by asked.place;

-- name: examine_audience
-- Why are a segment's leads left out (kind "count"), and which of the named fields do the others have, and with which
-- values of the deciding ones (kind "gap")?
with keys as materialized (
  -- What lead files called the named fields: "Favourite Colour" for favourite_colour. Few, so each lead is asked for
  -- these only, instead of having all its columns renamed.
  select k.raw, f.name from (
    select distinct jsonb_object_keys(l.attributes) as raw from ledger.leads l where l.attributes <> '{}'
  ) k
  cross join lateral (select trim(regexp_replace(lower(k.raw), '[^a-z0-9]+', '_', 'g'), '_') as name) f
  where f.name = any(:names::text[])
), examined as materialized (
  select a.lead_id, a.left_out, a.replied_to, a.in_sequence_of, a.mailed_by, l.country, l.legal_basis, h.has, f.further,
    v.decided, case when 'category' = any(:names::text[]) then l.category else '' end collate "C" as category
  from ledger.audience(:segment::jsonb, :accepts::text[], :skips_replied::boolean, :skips_in_sequence::boolean,
  :skips_mailed::boolean, :mailed_since::timestamptz) a
  join ledger.leads l on l.lead_id = a.lead_id
  cross join lateral (
    -- One bit a column, in the order of leadmill.domain.template_fields.LEAD_COLUMNS.
    select ((l.first_name <> '')::int | ((l.last_name <> '')::int << 1) | ((l.company <> '')::int << 2)
      | ((l.job_title <> '')::int << 3) | ((l.industry <> '')::int << 4) | ((l.category <> '')::int << 5)
      | ((l.employee_count is not null)::int << 6) | ((l.phone <> '')::int << 7) | ((l.website <> '')::int << 8)
      | ((l.country <> '')::int << 9) | ((l.region <> '')::int << 10) | ((l.city <> '')::int << 11)) & :asked::integer as has
  ) h
  cross join lateral (
    select case when l.attributes = '{}' then '' else coalesce((
      select string_agg(distinct k.name, ',' order by k.name) from keys k
      where l.attributes->k.raw not in ('null', '""')), '') end collate "C" as further
  ) f
  cross join lateral (
    -- Where a lead lacks something, the values that conditions look at: who has the same of all this needs the same.
    select case when cardinality(:deciding::text[]) = 0 or (h.has = :asked::integer
        and string_to_array(f.further, ',') @> :further_names::text[]) then ''
      else (
        -- A digest: pages keep it in their state, and a file's columns may be long.
        select encode(sha256(convert_to(string_agg(coalesce(nullif(o.own->>d.name, ''), (
          select string_agg(l.attributes->>k.raw, E'\x1e' order by k.raw) from keys k where k.name = d.name), ''),
          E'\x1f' order by d.place), 'UTF8')), 'hex')
        from unnest(:deciding::text[]) with ordinality d(name, place), lateral (
          select jsonb_build_object('first_name', l.first_name, 'last_name', l.last_name, 'company', l.company,
            'job_title', l.job_title, 'industry', l.industry, 'employee_count', l.employee_count, 'phone', l.phone,
            'website', l.website, 'country', l.country, 'region', l.region, 'city', l.city) as own
        ) o) end collate "C" as decided
  ) v
)
(select 'count' as kind, left_out, replied_to, in_sequence_of, mailed_by, case when left_out = 'policy_country' then country end as country,
  case when left_out = 'policy_country' then legal_basis end as legal_basis, 0 as has, '' as further, '' as category, '' as decided,
  count(*) as lead_count, '{}'::bigint[] as some_lead_ids
from examined group by 2, 3, 4, 5, 6, 7)
union all
(select 'gap', null, null, null, null, null, null, has, further, category, decided, count(*),
  array[min(lead_id) filter (where lead_id %% 5 = 0), min(lead_id) filter (where lead_id %% 5 = 1),
    min(lead_id) filter (where lead_id %% 5 = 2), min(lead_id) filter (where lead_id %% 5 = 3),
    min(lead_id) filter (where lead_id %% 5 = 4)]   -- some of them, without sorting a million
from examined where left_out is null
group by has, further, category, decided order by count(*) desc, min(lead_id) limit :gap_limit::integer);

-- name: addresses_of
-- The leads of some of these groups with their addresses, for a list to download.
with keys as materialized (
  -- What lead files called the named fields: "Favourite Colour" for favourite_colour. Few, so each lead is asked for
  -- these only, instead of having all its columns renamed.
  select k.raw, f.name from (
    select distinct jsonb_object_keys(l.attributes) as raw from ledger.leads l where l.attributes <> '{}'
  ) k
  cross join lateral (select trim(regexp_replace(lower(k.raw), '[^a-z0-9]+', '_', 'g'), '_') as name) f
  where f.name = any(:names::text[])
), examined as (
  select a.lead_id, a.left_out, l.country, l.legal_basis, h.has, f.further, v.decided,
    case when 'category' = any(:names::text[]) then l.category else '' end collate "C" as category
  from ledger.audience(:segment::jsonb, :accepts::text[], :skips_replied::boolean, :skips_in_sequence::boolean,
  :skips_mailed::boolean, :mailed_since::timestamptz) a
  join ledger.leads l on l.lead_id = a.lead_id
  cross join lateral (
    -- One bit a column, in the order of leadmill.domain.template_fields.LEAD_COLUMNS.
    select ((l.first_name <> '')::int | ((l.last_name <> '')::int << 1) | ((l.company <> '')::int << 2)
      | ((l.job_title <> '')::int << 3) | ((l.industry <> '')::int << 4) | ((l.category <> '')::int << 5)
      | ((l.employee_count is not null)::int << 6) | ((l.phone <> '')::int << 7) | ((l.website <> '')::int << 8)
      | ((l.country <> '')::int << 9) | ((l.region <> '')::int << 10) | ((l.city <> '')::int << 11)) & :asked::integer as has
  ) h
  cross join lateral (
    select case when l.attributes = '{}' then '' else coalesce((
      select string_agg(distinct k.name, ',' order by k.name) from keys k
      where l.attributes->k.raw not in ('null', '""')), '') end collate "C" as further
  ) f
  cross join lateral (
    -- Where a lead lacks something, the values that conditions look at: who has the same of all this needs the same.
    select case when cardinality(:deciding::text[]) = 0 or (h.has = :asked::integer
        and string_to_array(f.further, ',') @> :further_names::text[]) then ''
      else (
        -- A digest: pages keep it in their state, and a file's columns may be long.
        select encode(sha256(convert_to(string_agg(coalesce(nullif(o.own->>d.name, ''), (
          select string_agg(l.attributes->>k.raw, E'\x1e' order by k.raw) from keys k where k.name = d.name), ''),
          E'\x1f' order by d.place), 'UTF8')), 'hex')
        from unnest(:deciding::text[]) with ordinality d(name, place), lateral (
          select jsonb_build_object('first_name', l.first_name, 'last_name', l.last_name, 'company', l.company,
            'job_title', l.job_title, 'industry', l.industry, 'employee_count', l.employee_count, 'phone', l.phone,
            'website', l.website, 'country', l.country, 'region', l.region, 'city', l.city) as own
        ) o) end collate "C" as decided
  ) v
  where a.left_out is null
)
select l.lead_id, l.email, trim(l.first_name || ' ' || l.last_name) as name, l.company, l.country, l.category
from examined e
join unnest(:has::integer[], :further::text[], :categories::text[], :decided::text[]) as k(has, further, category, decided)
  on k.has = e.has and k.further = e.further and k.category = e.category and k.decided = e.decided
join ledger.leads l on l.lead_id = e.lead_id
order by l.lead_id limit :row_limit::integer;

-- name: further_columns
-- Which further columns did lead files bring?
select distinct jsonb_object_keys(l.attributes) as column_name from ledger.leads l where l.attributes <> '{}';

-- name: leads_to_show
-- Leads by id, as a page shows them.
select l.lead_id, trim(l.first_name || ' ' || l.last_name) as name, l.company, l.country, l.category
from ledger.leads l
where l.lead_id = any(:lead_ids::bigint[]) and l.email is not null and l.erased_at is null order by l.lead_id;

-- name: allow_large_sorts
-- Let this transaction sort a million leads in memory.
select set_config('work_mem', '128MB', true);
