-- name: scoring_need
-- When leads were last scored (null: never), and whether a lead known at as_of has no score.
select
  (select updated_at from ledger.projections where name = 'lead_scores' and position > 0) as last_at,
  exists (
    select 1 from ledger.leads l
    where l.erased_at is null and l.created_at <= :as_of::timestamptz
      and not exists (select 1 from ledger.lead_scores s where s.lead_id = l.lead_id)
  ) as has_new_leads;

-- name: clear_incoming_scores!
-- Drop what an earlier run left behind; the projection's lock makes runs take turns.
delete from ledger.incoming_scores;

-- name: upsert_lead_scores!
-- Bring each lead's score up to date; leads erased meanwhile stay without.
insert into ledger.lead_scores as s (lead_id, probability, reasons, model, is_base_rate, as_of)
select i.lead_id, i.probability, i.reasons::jsonb, :model::text, :is_base_rate::boolean, :as_of::timestamptz
from ledger.incoming_scores i join ledger.leads l using (lead_id)
where l.erased_at is null
on conflict (lead_id) do update set probability = excluded.probability, reasons = excluded.reasons, model = excluded.model,
  is_base_rate = excluded.is_base_rate, as_of = excluded.as_of;
