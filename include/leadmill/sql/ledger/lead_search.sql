-- name: newest_leads
-- One page of the leads that a filter holds, newest first, after the given id.
select l.lead_id, l.email, l.first_name, l.last_name, l.company, l.job_title, l.country, l.industry, l.category, l.source,
  l.legal_basis, l.created_at, s.probability, coalesce(s.is_base_rate, false) as is_base_rate,
  exists (select from ledger.suppressions p where p.email_hash = l.email_hash)
    or exists (select from ledger.barred_inboxes b where b.inbox = ledger.inbox(l.email)) as is_suppressed
from ledger.leads l left join ledger.lead_scores s using (lead_id)
where l.erased_at is null and l.lead_id < :after_id::bigint
  and (cardinality(:countries::text[]) = 0 or l.country = any(:countries::text[]))
  and (cardinality(:industries::text[]) = 0 or l.industry = any(:industries::text[]))
  and (cardinality(:categories::text[]) = 0 or l.category = any(:categories::text[]))
  and (cardinality(:sources::text[]) = 0 or l.source = any(:sources::text[]))
  and (cardinality(:legal_bases::text[]) = 0 or l.legal_basis = any(:legal_bases::text[]))
  and (:min_score::real = 0 or s.probability >= :min_score::real)
  and (:max_score::real = 1 or coalesce(s.probability, 0) <= :max_score::real)
  and (:pattern::text = '' or l.email ilike :pattern or l.company ilike :pattern
    or l.first_name || ' ' || l.last_name ilike :pattern)
order by l.lead_id desc
limit :size;

-- name: best_leads
-- One page of the leads that a filter holds, highest score first, after the given score and id; unscored leads are not in it.
select l.lead_id, l.email, l.first_name, l.last_name, l.company, l.job_title, l.country, l.industry, l.category, l.source,
  l.legal_basis, l.created_at, s.probability, s.is_base_rate,
  exists (select from ledger.suppressions p where p.email_hash = l.email_hash)
    or exists (select from ledger.barred_inboxes b where b.inbox = ledger.inbox(l.email)) as is_suppressed
from ledger.lead_scores s join ledger.leads l using (lead_id)
where l.erased_at is null and (s.probability, s.lead_id) < (:after_score::real, :after_id::bigint)
  and (cardinality(:countries::text[]) = 0 or l.country = any(:countries::text[]))
  and (cardinality(:industries::text[]) = 0 or l.industry = any(:industries::text[]))
  and (cardinality(:categories::text[]) = 0 or l.category = any(:categories::text[]))
  and (cardinality(:sources::text[]) = 0 or l.source = any(:sources::text[]))
  and (cardinality(:legal_bases::text[]) = 0 or l.legal_basis = any(:legal_bases::text[]))
  and s.probability between :min_score::real and :max_score::real
  and (:pattern::text = '' or l.email ilike :pattern or l.company ilike :pattern
    or l.first_name || ' ' || l.last_name ilike :pattern)
order by s.probability desc, s.lead_id desc
limit :size;

-- name: count_leads
-- How many leads a filter holds, counted no further than a limit.
select count(*) as found from (
  select 1
  from ledger.leads l left join ledger.lead_scores s using (lead_id)
  where l.erased_at is null
    and (cardinality(:countries::text[]) = 0 or l.country = any(:countries::text[]))
    and (cardinality(:industries::text[]) = 0 or l.industry = any(:industries::text[]))
    and (cardinality(:categories::text[]) = 0 or l.category = any(:categories::text[]))
    and (cardinality(:sources::text[]) = 0 or l.source = any(:sources::text[]))
    and (cardinality(:legal_bases::text[]) = 0 or l.legal_basis = any(:legal_bases::text[]))
    and (:min_score::real = 0 or s.probability >= :min_score::real)
    and (:max_score::real = 1 or coalesce(s.probability, 0) <= :max_score::real)
    and (:pattern::text = '' or l.email ilike :pattern or l.company ilike :pattern
      or l.first_name || ' ' || l.last_name ilike :pattern)
  limit :most
) found;

-- name: count_all_leads
-- How many living leads, suppressed ones among them, and scored ones there are.
select
  (select count(*) from ledger.leads where erased_at is null) as leads,
  (select count(*) from ledger.leads l join ledger.suppressions p using (email_hash) where l.erased_at is null) as suppressed,
  (select count(*) from ledger.lead_scores where not is_base_rate) as scored;

-- name: lead_values
-- The values that leads have in the fields one can filter by, the commonest first, at most 200 a field.
select field, value from (
  select
    case grouping(country, industry, category, source) when 7 then 'country' when 11 then 'industry' when 13 then 'category'
      else 'source' end as field,
    coalesce(country, industry, category, source) as value,
    count(*) as leads,
    row_number() over (partition by grouping(country, industry, category, source) order by count(*) desc) as place
  from ledger.leads
  where erased_at is null
  group by grouping sets ((country), (industry), (category), (source))
) counted
where value <> '' and place <= 200
order by field, leads desc, value;

-- name: lead
-- One lead with its score, its window and whether and why it must not be mailed.
select l.*, f.file_name, s.probability, s.reasons, s.model, s.is_base_rate, s.as_of as scored_at,
  w.time_zone as window_zone, w.zone_source, w.zone_confidence, w.local_hours, w.confidence as window_confidence, w.basis,
  coalesce(p.reason, i.reason) as suppressed_for, coalesce(p.created_at, i.created_at) as suppressed_at
from ledger.leads l
  left join ledger.lead_files f using (lead_file_id)
  left join ledger.lead_scores s using (lead_id)
  left join ledger.lead_windows w using (lead_id)
  left join ledger.suppressions p using (email_hash)
  left join lateral ( -- the person asked to be left alone under another address of the same inbox
    select other.reason, other.created_at from ledger.suppressions other
    where p.reason is null and other.email is not null and other.reason <> 'hard_bounced' and other.reason <> 'refuses_us'
      and ledger.inbox(other.email) = ledger.inbox(l.email)
    order by other.created_at limit 1
  ) i on true
where l.lead_id = :lead_id and l.erased_at is null;

-- name: lead_sends
-- Every mail to one lead, newest first, and why its mailbox was chosen.
select s.send_id, s.campaign_id, c.name as campaign, s.step, s.variant_id, v.label as variant, v.subject, s.state, s.code,
  m.address as mailbox, m.display_name as sender_name, coalesce(s.accepted_at, s.state_changed_at) as at, s.due_at,
  w.reason, w.why
from ledger.sends s
  join ledger.campaigns c using (campaign_id)
  join ledger.variants v on v.variant_id = s.variant_id
  left join ledger.mailboxes m using (mailbox_id)
  left join lateral (
    select x.reason, k.situation -> 'why' -> (s.mailbox_id || ' ' || x.reason) as why
    from ledger.claims k cross join lateral unnest(k.send_ids, k.reasons) as x(send_id, reason)
    where k.claim_id = s.claim_id and x.send_id = s.send_id and s.state <> 'planned'
  ) w on true
where s.lead_id = :lead_id
order by coalesce(s.accepted_at, s.due_at, s.state_changed_at) desc
limit 200;
