-- Days on which a campaign sends, delays in days of the lead's calendar, and the best hour of several days (ADR 0031).

-- Which days people work, by country; a country without a row works Monday to Friday and has no holidays.
create table ledger.calendars (
  country text primary key,                   -- ISO 3166, two letters
  working_days smallint[] not null,           -- ISO: Monday 1 to Sunday 7
  known_until date not null,                  -- holidays are known before this day
  source text not null                        -- the package and its version
);
create table ledger.holidays (
  country text not null references ledger.calendars on delete cascade,
  day date not null,
  primary key (country, day)
);

-- Campaigns that are there send on every day, as before.
alter table ledger.campaigns
  add column weekdays smallint[] default '{1,2,3,4,5,6,7}'
    check (cardinality(weekdays) between 1 and 7 and weekdays <@ '{1,2,3,4,5,6,7}'), -- null: each lead's country's working days
  add column skips_holidays boolean not null default false, -- of the lead's country
  add column best_of_days smallint not null default 3 check (best_of_days between 1 and 14); -- best_time: of so many sending days

alter table ledger.sends
  add column missed_windows smallint not null default 0; -- how often its window closed before a mailbox was free

-- Whether a campaign sends to a country on a day. `weekdays`: ISO, resolved by ledger.weekdays_of.
create function ledger.is_send_day(day date, country text, weekdays smallint[], skips_holidays boolean) returns boolean
language plpgsql stable parallel safe as $$
begin
  if not extract(isodow from day)::smallint = any(weekdays) then
    return false;
  end if;
  return not skips_holidays or not exists (
    select from ledger.holidays h where h.country = is_send_day.country and h.day = is_send_day.day);
end
$$;

-- The given weekdays, or (null) the working days of a country.
create function ledger.weekdays_of(country text, weekdays smallint[]) returns smallint[]
language sql stable parallel safe
return coalesce(weekdays, (
  select c.working_days from ledger.calendars c where c.country = weekdays_of.country), '{1,2,3,4,5}');

drop function ledger.send_window(text, smallint, timestamptz, text, smallint[]);

-- When a send may go out, and when that window closes (null: never).
-- best_time: the best of the lead's hours within `best_of_days` sending days; local_time: send_hour in the lead's zone,
-- utc_time: in UTC; without an hour, as soon as a mailbox is free. A first mail goes out at or after `earliest`, a
-- follow-up `delay_days` calendar days after the day of `earliest`; days are those of the clock that the hour is of.
-- Whether a day is one to send on is asked of the lead's own day and country.
-- `missed_windows`: after one, the next of the lead's hours has to do, after ten any office hour (MISSES_TO_ANY_HOUR and
-- OFFICE_HOURS of leadmill.domain.send_days). `choice`: takes a later one of the best hours, where many share the best.
create function ledger.send_window(
  timing text, send_hour smallint, earliest timestamptz, zone text, local_hours smallint[],
  delay_days integer default 0, country text default '', weekdays smallint[] default '{1,2,3,4,5,6,7}',
  skips_holidays boolean default false, best_of_days integer default 3, missed_windows integer default 0,
  choice integer default 0, out due_at timestamptz, out window_ends_at timestamptz
) language plpgsql stable as $$               -- not parallel safe: an unknown zone costs a subtransaction
#variable_conflict use_variable
declare
  hours smallint[] := coalesce(nullif(local_hours[1:12], '{}'), '{33,34,35,57,58,59,81,82,83}'); -- Tue-Thu, 9 to 11
  is_fixed boolean := timing in ('local_time', 'utc_time') and send_hour is not null;
  is_best boolean := timing = 'best_time' and missed_windows < 10;
  is_limited boolean;                         -- some days are not for sending
  clock text;                                 -- the zone whose days and hours count
  at_local timestamp;
  day date;
  days date[] := '{}';
  starts timestamp[] := '{}';
  closing timestamptz;
begin
  weekdays := ledger.weekdays_of(country, weekdays);
  is_limited := skips_holidays or cardinality(weekdays) < 7;
  begin
    at_local := earliest at time zone zone;
  exception when invalid_parameter_value then -- a zone that this server does not know
    zone := 'UTC';
  end;
  clock := case timing when 'utc_time' then 'UTC' else zone end;
  at_local := earliest at time zone clock;
  day := at_local::date + delay_days;

  for n in 0 .. 60 loop                       -- longer than any holidays; never a reason to lose a mail
    if is_best then
      if not is_limited or ledger.is_send_day(day + n, country, weekdays, skips_holidays) then
        days := days || (day + n);
        if cardinality(days) >= (case when missed_windows > 0 then 1 else best_of_days end) or n > 30 then
          -- Where the lead's hours lie on none of the weekdays, their hours of the day have to do.
          starts := array(
            select s.start from (
              select d.day + make_interval(hours => r.hour % 24) as start, min(r.place) as place
              from unnest(days) d(day) join unnest(hours) with ordinality r(hour, place)
                on n > 20 + best_of_days or r.hour / 24 = extract(isodow from d.day)::integer - 1
              group by 1
            ) s
            where s.start + interval '1 hour' > at_local
            order by case when missed_windows = 0 then s.place end, s.start);
        end if;
      end if;
      exit when starts <> '{}';
    else
      due_at := case
        when is_fixed then (day + n + make_interval(hours => send_hour)) at time zone clock
        when timing = 'best_time' then greatest(earliest, (day + n + interval '8 hours') at time zone clock)
        when delay_days + n = 0 then earliest
        else (day + n + at_local::time) at time zone clock end;
      exit when due_at >= earliest
        and (timing <> 'best_time' or due_at < (day + n + interval '18 hours') at time zone clock)
        and (not is_limited
          or ledger.is_send_day((due_at at time zone zone)::date, country, weekdays, skips_holidays));
    end if;
  end loop;

  if is_best then
    at_local := coalesce(starts[1 + case when missed_windows = 0 then choice % cardinality(starts) else 0 end], at_local);
    due_at := greatest(earliest, at_local at time zone clock);
    at_local := at_local + interval '1 hour'; -- open for as long as the next hour is one of the lead's too
    while extract(hour from at_local) > 0 and (((extract(isodow from at_local) - 1) * 24
        + extract(hour from at_local))::smallint = any(hours) or at_local = any(starts)) loop
      at_local := at_local + interval '1 hour';
    end loop;
    window_ends_at := at_local at time zone clock;
  elsif timing = 'best_time' then
    window_ends_at := ((due_at at time zone clock)::date + interval '18 hours') at time zone clock;
  elsif is_fixed then                         -- a slot that limits cannot empty in one hour
    window_ends_at := ((due_at at time zone clock) + interval '4 hours') at time zone clock;
  end if;
  if is_limited and not is_best then          -- no window reaches into a day that is not for sending
    day := (due_at at time zone zone)::date;
    for n in 1 .. 60 loop
      closing := (day + n)::timestamp at time zone zone;
      exit when window_ends_at <= closing;
      if not ledger.is_send_day(day + n, country, weekdays, skips_holidays) then
        window_ends_at := closing;
        exit;
      end if;
    end loop;
  end if;
  window_ends_at := greatest(window_ends_at, case when window_ends_at is not null then due_at + interval '10 minutes' end);
end
$$;
