-- name: make_predictions!
-- Empty tables for what the model says of each distinct combination of features.
create or replace table predictions (vector_id ubigint, probability double);
create or replace table prediction_reasons (vector_id ubigint, rank tinyint, code integer, effect double);
create or replace table reason_labels (code integer, feature varchar, label varchar);

-- name: add_predictions!
-- Take one batch of predictions.
insert into predictions select vector_id, probability from prediction_batch;

-- name: add_reasons!
-- Take one batch of reasons.
insert into prediction_reasons select vector_id, rank, code, effect from reason_batch;

-- name: add_labels!
-- Take the model's labels.
insert into reason_labels select code, feature, label from label_batch;

-- name: make_scored!
-- Each lead's score and reasons, strongest first.
create or replace table scored as
with reasons as (
  select
    vector_id,
    list(struct_pack(feature := feature, label := label, effect := round(effect, 2)) order by rank) as reasons
  from prediction_reasons join reason_labels using (code)
  group by vector_id
)
select f.lead_id, round(p.probability, 5)::float as probability, coalesce(r.reasons, []) as reasons
from feature_rows f join predictions p using (vector_id) left join reasons r using (vector_id);

-- name: make_base_rate_scored!
-- The same probability and one reason for every lead, while there is too little history.
create or replace table scored as
select
  lead_id,
  round(:probability::double, 3)::float as probability,
  [struct_pack(feature := 'base_rate', label := :label::varchar, effect := 0.0::double)] as reasons
from wanted_leads;

-- name: make_changed_scores!
-- Scores that differ from what the ledger holds.
create or replace table changed_scores as
select s.*
from scored s left join pg.ledger.lead_scores c using (lead_id)
where c.lead_id is null or c.model <> :model or c.is_base_rate <> :is_base_rate
  or abs(c.probability - s.probability) > 0.000005
  or from_json(c.reasons::varchar, '[{"feature":"VARCHAR","label":"VARCHAR","effect":"DOUBLE"}]') <> s.reasons;

-- name: append_score_history!
-- Keep what changed in the lake; a second run of the same as_of adds nothing.
insert into lake.lead_scores
select c.lead_id, c.probability, :model, :is_base_rate, :as_of::timestamptz
from changed_scores c
where not exists (select 1 from lake.lead_scores h where h.as_of = :as_of and h.lead_id = c.lead_id);

-- name: stage_changed_scores!
-- Bulk copy the changed scores to where the ledger takes them over.
insert into pg.ledger.incoming_scores select lead_id, probability, to_json(reasons)::varchar from changed_scores;

-- name: count_scored
-- How many leads have a score, the mean of it, and how many changed.
select (select count(*) from scored) as scored, (select avg(probability) from scored) as mean_probability,
  (select count(*) from changed_scores) as changed;
