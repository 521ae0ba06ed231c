-- name: calendars_needed^
-- Does an open campaign (or the caller) ask for calendars that are not known up to a day, by this version of the source?
select (:asked::boolean or exists (
    select from ledger.campaigns c
    where c.status in ('approved', 'running', 'paused') and (c.weekdays is null or c.skips_holidays)
  )) and not exists (
    select from ledger.calendars k where k.known_until >= :until::date and k.source = :version::text
  ) as are_needed;

-- name: lock_calendars
-- Let runs that load calendars take turns; reading goes on.
select pg_advisory_xact_lock(hashtextextended('ledger.calendars', 0));

-- name: upsert_calendars!
-- Bring the countries' working days up to date.
insert into ledger.calendars (country, working_days, known_until, source)
select k.country, k.working_days::smallint[], :until::date, :version::text
from unnest(:countries::text[], :working_days::text[]) as k(country, working_days)
on conflict (country) do update
set working_days = excluded.working_days, known_until = excluded.known_until, source = excluded.source;

-- name: delete_calendars!
-- Forget countries that the source no longer knows, and with them their holidays.
delete from ledger.calendars where country <> all(:countries::text[]);

-- name: delete_holidays!
-- Forget holidays that are none any more.
delete from ledger.holidays h
where not exists (
  select from unnest(:countries::text[], :days::date[]) as k(country, day) where k.country = h.country and k.day = h.day);

-- name: insert_holidays!
-- Add the holidays that are new.
insert into ledger.holidays (country, day)
select k.country, k.day from unnest(:countries::text[], :days::date[]) as k(country, day)
on conflict do nothing;
