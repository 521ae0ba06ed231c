-- name: audience_counts
-- How many of a segment's leads will be mailed (no reason), and how many are left out for which reason?
select a.left_out, count(*) as leads
from ledger.audience(:segment::jsonb,
  (select p.accepts_legal_bases from ledger.pools p where p.pool_id = :pool_id::bigint)) a
group by a.left_out;

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

-- name: field_gaps
-- Which of the named template fields do the leads that will be mailed have, grouped, and how many each?
with fields as materialized (
  select a.lead_id, ledger.template_fields(l) as fields
  from ledger.audience(:segment::jsonb,
    (select p.accepts_legal_bases from ledger.pools p where p.pool_id = :pool_id::bigint)) a
  join ledger.leads l on l.lead_id = a.lead_id
  where a.left_out is null
)
select array(select n from unnest(:names::text[]) n where f.fields ? n order by n) as present,
  case when 'category' = any(:names::text[]) then coalesce(f.fields->>'category', '') else '' end as category,
  count(*) as lead_count, min(f.lead_id) as example_lead_id
from fields f
group by 1, 2 order by lead_count desc, example_lead_id limit 200;
