-- name: make_send_outcomes!
-- What became of each mail of the last 365 days, as it was known at $as_of: one row a send, machines apart from people.
create or replace table send_outcomes as
with mailed as (
  select send_id, lead_id, accepted_at
  from pg.ledger.sends
  where accepted_at <= :as_of and accepted_at > :as_of::timestamptz - interval 365 day
), evidence as (
  select * from touches(:as_of::timestamptz - interval 365 day, :as_of::timestamptz, null) where lead_id is not null
)
select
  coalesce(m.lead_id, e.lead_id) as lead_id,
  -- As `domain.outcomes` says: what came back was not delivered, also where a server had confirmed it before, unless its
  -- reader complained. An SMTP server says only "accepted".
  case when not coalesce(e.failed, false) or e.complained then
    coalesce(e.confirmed_at, least(m.accepted_at, e.opened_at, e.clicked_at, e.replied_at)) end as delivered_at,
  e.* exclude (send_id, lead_id, confirmed_at, complained)
from mailed m full join evidence e on e.send_id = m.send_id;

-- name: make_wanted_leads!
-- Every living lead known at $as_of.
create or replace table wanted_leads as
select lead_id from pg.ledger.leads where erased_at is null and created_at <= :as_of;

-- name: make_mailed_leads!
-- Leads that got a mail after $since and up to $as_of, whether a person answered it; at most $most of them, by hash.
create or replace table wanted_leads as
select lead_id, coalesce(bool_or(clicked_at > :since or replied_at > :since), false) as responded
from send_outcomes
where delivered_at > :since and delivered_at <= :as_of
group by lead_id
order by hash(lead_id)
limit :most;

-- name: make_feature_rows!
-- The features of each wanted lead at $as_of, and one vector_id per distinct combination; NaN where nothing is known.
-- A 64-bit hash keys the combinations: with 1,000,000 of them two collide once in about 40 million runs.
create or replace table feature_rows as
with answered as (
  select lead_id, max(greatest(clicked_at, replied_at)) as last_response_at from send_outcomes group by lead_id
), history as (
  select
    lead_id,
    count(*) filter (delivered_at > :as_of::timestamptz - interval 30 day) as delivered_30d,
    count(delivered_at) as delivered_365d,
    count(*) filter (opened_at > :as_of::timestamptz - interval 30 day) as opened_30d,
    count(opened_at) as opened_365d,
    count(*) filter (clicked_at > :as_of::timestamptz - interval 30 day) as clicked_30d,
    count(clicked_at) as clicked_365d,
    count(replied_at) as replied_365d,
    count(*) filter (auto_replied) as auto_replied_365d,
    count(*) filter (machine_opened) as machine_opened_365d,
    count(*) filter (soft_bounced_at > :as_of::timestamptz - interval 90 day) as soft_bounced_90d,
    bool_or(hard_bounced)::float as hard_bounced,
    bool_or(opted_out)::float as opted_out,
    date_diff('day', max(last_response_at), :as_of::timestamptz) as days_since_response,
    date_diff('day', max(opened_at), :as_of::timestamptz) as days_since_opened,
    date_diff('day', max(delivered_at), :as_of::timestamptz) as days_since_delivered,
    count(*) filter (last_response_at is null or delivered_at > last_response_at) as delivered_since_response
  from send_outcomes join answered using (lead_id)
  group by lead_id
), firm as (
  select
    lead_id,
    l.employee_count as employees,
    case
      when job_title = '' then null
      when regexp_matches(job_title, '\b(ceo|cto|cfo|coo|cmo|cio|chief|founder|co-founder|owner|president|managing director|partner)\b', 'i')
        and not regexp_matches(job_title, 'vice', 'i') then 4
      when regexp_matches(job_title, '\b(vp|vice president|director|svp|evp)\b', 'i') then 3
      when regexp_matches(job_title, '\b(head|manager|lead|principal)\b', 'i') then 2
      else 1
    end as seniority,
    (email_domain in (
      'gmail.com', 'googlemail.com', 'yahoo.com', 'hotmail.com', 'outlook.com', 'live.com', 'msn.com', 'icloud.com', 'me.com',
      'aol.com', 'gmx.de', 'gmx.net', 'web.de', 't-online.de', 'mail.ru', 'yandex.ru', 'qq.com', '163.com', 'proton.me',
      'protonmail.com', 'orange.fr', 'free.fr', 'libero.it', 'rediffmail.com'
    ))::float as free_mail,
    (legal_basis <> 'legitimate_interest')::float as consented,
    (phone <> '')::float as has_phone,
    (website <> '')::float as has_website,
    (first_name <> '')::int + (last_name <> '')::int + (company <> '')::int + (job_title <> '')::int + (industry <> '')::int
      + (country <> '')::int + (city <> '')::int + (employee_count is not null)::int as profile_fields,
    greatest(0, date_diff('day', created_at, :as_of::timestamptz) // 7) as lead_age_weeks
  from pg.ledger.leads l semi join wanted_leads using (lead_id)
), joined as (
  select
    lead_id,
    coalesce(employees, 'nan'::float)::float as employees,
    coalesce(seniority, 'nan'::float)::float as seniority,
    free_mail::float as free_mail,
    consented::float as consented,
    has_phone::float as has_phone,
    has_website::float as has_website,
    profile_fields::float as profile_fields,
    lead_age_weeks::float as lead_age_weeks,
    coalesce(delivered_30d, 0)::float as delivered_30d,
    coalesce(delivered_365d, 0)::float as delivered_365d,
    coalesce(opened_30d, 0)::float as opened_30d,
    coalesce(opened_365d, 0)::float as opened_365d,
    coalesce(clicked_30d, 0)::float as clicked_30d,
    coalesce(clicked_365d, 0)::float as clicked_365d,
    coalesce(replied_365d, 0)::float as replied_365d,
    coalesce(auto_replied_365d, 0)::float as auto_replied_365d,
    coalesce(machine_opened_365d, 0)::float as machine_opened_365d,
    coalesce(soft_bounced_90d, 0)::float as soft_bounced_90d,
    coalesce(hard_bounced, 0)::float as hard_bounced,
    coalesce(opted_out, 0)::float as opted_out,
    coalesce(days_since_response, 'nan'::float)::float as days_since_response,
    coalesce(days_since_opened, 'nan'::float)::float as days_since_opened,
    coalesce(days_since_delivered, 'nan'::float)::float as days_since_delivered,
    coalesce(delivered_since_response, 0)::float as delivered_since_response
  from firm left join history using (lead_id)
)
select *, hash(*columns(* exclude (lead_id))) as vector_id from joined;

-- name: make_vectors!
-- Each distinct combination of features once; what the model has to look at.
create or replace table vectors as select distinct on (vector_id) * exclude (lead_id) from feature_rows;

-- name: vectors
-- Every distinct combination of features.
select * from vectors;

-- name: labelled_features
-- The features of each mailed lead beside whether a person answered, in a fixed order.
select f.*, w.responded from feature_rows f join wanted_leads w using (lead_id) order by lead_id;

-- name: count_history
-- How many leads were delivered a mail in the last 365 days up to $as_of, and how many a person answered.
select
  count(distinct lead_id) filter (delivered_at is not null) as delivered_leads,
  count(distinct lead_id) filter (coalesce(clicked_at, replied_at) is not null) as responded_leads
from send_outcomes;
