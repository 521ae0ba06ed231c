-- name: make_window_tables!
-- Empty tables for the zones that places stand for and for the windows that a run finds.
create or replace table zone_of_country (country varchar, time_zone varchar, confidence real, country_domain boolean);
create or replace table zone_of_prefix (prefix varchar, time_zone varchar);
create or replace table zone_windows (time_zone varchar, local_hours smallint[], confidence real, basis varchar);
create or replace table own_windows (lead_id bigint, local_hours smallint[], confidence real);

-- name: add_country_zones!
-- Take the countries' zones; only those that DuckDB can reckon with.
insert into zone_of_country
select country, time_zone, confidence, country_domain from batch where time_zone in (select name from pg_timezone_names());

-- name: add_prefix_zones!
-- Take the phone prefixes' zones; an unknown or divided one still hides the shorter prefixes.
insert into zone_of_prefix
select prefix, case when time_zone in (select name from pg_timezone_names()) then time_zone else '' end from batch;

-- name: make_lead_zones!
-- Each lead's time zone with where it was read from: the most trustworthy sign wins, at a draw the earlier of the list.
create or replace table lead_zones as
with leads as (
  select
    lead_id, time_zone, country,
    case when phone like '+%' then left(regexp_replace(phone, '[^0-9]', '', 'g'), 9) end as digits,
    upper(regexp_extract(email_domain, '\.([a-z]{2})$', 1)) as ending
  from pg.ledger.leads
  where erased_at is null and created_at <= :as_of
), prefixes as (
  select digits, arg_max(p.time_zone, length(p.prefix)) as time_zone
  from (select distinct digits from leads where digits <> '') d
    cross join range(1, 10) lengths(n)
    join zone_of_prefix p on p.prefix = left(d.digits, n) and length(p.prefix) = n
  group by digits
), signs as (
  select
    l.lead_id,
    f.name as file_zone,
    c.time_zone as country_zone, c.confidence as country_confidence,
    nullif(p.time_zone, '') as phone_zone,
    d.time_zone as domain_zone, d.confidence * :email_domain_factor::real as domain_confidence
  from leads l
    left join (select distinct name from pg_timezone_names()) f on f.name = l.time_zone
    left join zone_of_country c on c.country = l.country
    left join prefixes p on p.digits = l.digits
    left join zone_of_country d on d.country_domain and d.country = case l.ending when 'UK' then 'GB' else l.ending end
)
select
  lead_id,
  case source
    when 'file' then file_zone when 'country' then country_zone when 'phone' then phone_zone
    when 'email_domain' then domain_zone else :default_zone::varchar
  end as time_zone,
  source as zone_source,
  case source
    when 'file' then :file_confidence::real when 'country' then country_confidence when 'phone' then :phone_confidence::real
    when 'email_domain' then domain_confidence else :default_confidence::real
  end::real as zone_confidence
from (
  select *,
    case
      when file_zone is not null then 'file'
      when country_confidence >= case when phone_zone is null then 0 else :phone_confidence::real end then 'country'
      when phone_zone is not null then 'phone'
      when domain_zone is not null then 'email_domain'
      else 'default'
    end as source
  from signs
);

-- name: make_hour_evidence!
-- Each delivered mail with the local hour of the week it arrived in and what a person did with it, between 0 and 1.
create or replace table hour_evidence as
select
  z.lead_id,
  z.time_zone,
  ((isodow(timezone(z.time_zone, s.delivered_at)) - 1) * 24 + hour(timezone(z.time_zone, s.delivered_at)))::smallint as local_hour,
  case
    when s.replied_at is not null then :reply_weight::double
    when s.clicked_at is not null then :click_weight::double
    when s.opened_at is not null then :open_weight::double
    else 0
  end as answered
from send_outcomes s join lead_zones z using (lead_id)
where s.delivered_at is not null;

-- name: zone_counts
-- Mails and answers by time zone and local hour.
select time_zone, local_hour, sum(answered) as answered, count(*)::double as delivered
from hour_evidence group by time_zone, local_hour order by time_zone, local_hour;

-- name: own_counts
-- Leads with a history of their own: each mail's local hour and answer, as lists.
select lead_id, any_value(time_zone) as time_zone, list(local_hour) as local_hours, list(answered) as answers
from hour_evidence
group by lead_id
having count(*) >= :least_mails and count(*) filter (answered > 0) >= :least_answers
order by lead_id;

-- name: add_zone_windows!
-- Take the windows of whole zones.
insert into zone_windows select time_zone, local_hours, confidence, basis from batch;

-- name: add_own_windows!
-- Take one batch of leads' own windows.
insert into own_windows select lead_id, local_hours, confidence from batch;

-- name: make_windows!
-- Each lead's window: its own, else its zone's, else the one for every other zone.
create or replace table windows as
select
  z.lead_id, z.time_zone, z.zone_source, z.zone_confidence,
  coalesce(o.local_hours, w.local_hours, e.local_hours) as local_hours,
  round(coalesce(o.confidence, w.confidence, e.confidence), 3)::real as confidence,
  case when o.lead_id is not null then 'own_history' else coalesce(w.basis, e.basis) end as basis
from lead_zones z
  left join own_windows o using (lead_id)
  left join zone_windows w on w.time_zone = z.time_zone
  cross join (select * from zone_windows where time_zone = '') e;

-- name: make_changed_windows!
-- Windows that differ from what the ledger holds; a confidence that moved by less than 2 % is the same.
create or replace table changed_windows as
select w.*
from windows w left join pg.ledger.lead_windows c using (lead_id)
where c.lead_id is null or c.time_zone <> w.time_zone or c.zone_source <> w.zone_source or c.basis <> w.basis
  or c.local_hours <> w.local_hours or abs(c.confidence - w.confidence) > 0.02
  or abs(c.zone_confidence - w.zone_confidence) > 0.001;

-- name: append_window_history!
-- Keep what changed in the lake; a second run of the same as_of adds nothing.
insert into lake.lead_windows
select c.lead_id, c.time_zone, c.zone_source, c.local_hours, c.confidence, c.basis, :as_of::timestamptz
from changed_windows c
where not exists (select 1 from lake.lead_windows h where h.as_of = :as_of and h.lead_id = c.lead_id);

-- name: stage_changed_windows!
-- Bulk copy the changed windows to where the ledger takes them over.
insert into pg.ledger.incoming_windows
select lead_id, time_zone, zone_source, zone_confidence, local_hours, confidence, basis from changed_windows;

-- name: count_windows
-- How many leads have a window, how many changed, and how they divide by basis and by source of the zone.
select
  (select count(*) from windows) as planned,
  (select count(*) from changed_windows) as changed,
  (select map_from_entries(list((basis, n))) from (select basis, count(*) n from windows group by basis)) as by_basis,
  (select map_from_entries(list((zone_source, n))) from (select zone_source, count(*) n from windows group by zone_source))
    as by_zone_source;
