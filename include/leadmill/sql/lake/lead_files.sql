-- name: define_cell!
-- A cell without the blanks around it, null where nothing is left; most cells have none and are not copied.
create or replace macro cell(value) as nullif(
  case when value[1] <= ' ' or value[-1] <= ' ' or value[1] in (chr(160), chr(65279)) or value[-1] in (chr(160), chr(65279))
    then trim(value, ' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279)) else value end, '');

-- name: define_text!
-- A cell on one line: line breaks and tabs inside names would end up in mail headers.
create or replace macro one_line(value) as
  case when contains(value, chr(10)) or contains(value, chr(9)) or contains(value, chr(13)) or contains(value, '  ')
    then trim(regexp_replace(value, '\s+', ' ', 'g')) else value end;

-- name: define_filled!
-- A text, unless it only stands for a missing one, as databases, spreadsheets and programs write it: a mail would begin
-- "Dear NULL". "Null", "Nan" and "Na" are people's names and stay.
create or replace macro filled(value) as
  case when length(value) > 12 then value
    when value in ('NULL', 'null', '(null)', '(NULL)', '<null>', '<NULL>', '\N', 'NaN', 'nan', 'None', '<NA>', 'undefined',
      'N/A', 'n/a', '#N/A', '#NV', '#NULL!', '#NAME?', '#REF!', '#VALUE!', '#DIV/0!', '#NUM!', '#WERT!', '#BEZUG!',
      '-', '--', '---', '–', '—', '.', '?', '_', '/') then null
    else value end;

-- name: define_address!
-- The bare, lower-cased address in a cell such as `Ann Lee <Ann@b.example>` or `mailto:ann@b.example`.
create or replace macro bare_address(value) as lower(
  case when value is null then null
    when contains(value, '<') then coalesce(nullif(regexp_extract(value, '<\s*([^<>]*?)\s*>', 1), ''), value)
    when starts_with(value, 'mailto:') then substr(value, 8)
    else value end);

-- name: make_unreadable!
-- Rows that the CSV reader could not take, each physical line of them once, with the reason.
create table unreadable as
with refused as (
  select line, any_value(csv_line) as csv_line,
    case when bool_and(error_type in ('MISSING COLUMNS', 'TOO MANY COLUMNS'))
      then 'wrong_column_count' else 'unreadable_row' end as reason
  from reject_errors group by line
),
lines as (
  select line, reason, unnest(string_split(rtrim(csv_line, chr(10)), chr(10))) as text,
    generate_subscripts(string_split(rtrim(csv_line, chr(10)), chr(10)), 1) - 1 as offset_in_row
  from refused
)
select line, line + offset_in_row + $header_row as row_number, reason, text
from lines where trim(text, ' ,;|"' || chr(9)) <> '';

-- name: make_row_numbers!
-- How many refused rows stand before each row taken, so that row numbers are those of the file.
create table refused_before as
select line - row_number() over (order by line) as first_position, row_number() over (order by line) as refused
from (select distinct line from unreadable);

-- name: make_words!
-- What the words of this file mean: filled by the domain's vocabularies, one row per distinct word as the file has it.
create table words (field varchar not null, word varchar not null, cleaned varchar, meaning varchar);

-- name: words_of_fields
-- Each distinct word of the columns that have a vocabulary; foreign domains are those outside ASCII.
select 'country' as field, country as word from canonical where country is not null group by all
union all select 'time_zone', time_zone from canonical where time_zone is not null group by all
union all select 'legal_basis', legal_basis from canonical where legal_basis is not null group by all
union all select 'status', status from canonical where status is not null group by all
union all select 'opted_out', opted_out from canonical where opted_out is not null group by all
union all select 'employee_count', employee_count from canonical where employee_count is not null group by all
union all select 'domain', split_part(address, '@', 2) from canonical
where strlen(address_cell) > length(address_cell) group by all;

-- name: day_comes_first
-- Whether dates with slashes name the day first: only a first part over 12 shows it.
select coalesce(bool_or(try_cast(split_part(consent_at, '/', 1) as integer) > 12), false)
from canonical where contains(consent_at, '/');

-- name: make_judged!
-- Every row that was read, in canonical form, with the first reason to reject it and whether it opts out.
create table judged as
with understood as (
  select c.position,
    case when d.meaning is null then c.address
      else split_part(c.address, '@', 1) || '@' || d.meaning end as email,
    c.first_name, c.last_name, c.company, c.job_title, c.industry, c.category, c.phone, c.website, c.region, c.city,
    c.attributes, c.longest_attribute, c.all_cells,
    co.cleaned as country_word,
    coalesce(co.meaning, case when co.cleaned is null then $default_country end) as country,
    tz.cleaned as time_zone_word, tz.meaning as time_zone,
    em.cleaned as employee_count_word, try_cast(em.meaning as integer) as employee_count,
    coalesce(c.source, $default_source) as source,
    ba.cleaned as basis_word,
    case when ba.cleaned is not null then ba.meaning
      when $default_legal_basis <> '' then $default_legal_basis
      when c.consent_at is not null and not $has_legal_basis then 'consent' end as legal_basis,
    c.consent_at as consent_word,
    coalesce(try_cast(c.consent_at as timestamptz),
      try_strptime(c.consent_at, $date_formats)::timestamptz) as consent_at,
    st.meaning is not null or oo.meaning is not null or ba.meaning is not distinct from 'opted_out' as opts_out
  from canonical c
  left join words d on d.field = 'domain' and d.word = split_part(c.address, '@', 2)
  left join words co on co.field = 'country' and co.word = c.country
  left join words tz on tz.field = 'time_zone' and tz.word = c.time_zone
  left join words em on em.field = 'employee_count' and em.word = c.employee_count
  left join words ba on ba.field = 'legal_basis' and ba.word = c.legal_basis
  left join words st on st.field = 'status' and st.word = c.status
  left join words oo on oo.field = 'opted_out' and oo.word = c.opted_out
  where c.address is not null or cell(c.all_cells) is not null
),
addressed as (
  select *, concat_ws(chr(10), first_name, last_name, company, job_title, industry, category, region, city, source)
      as texts,
    case
      when email is null then 'missing_email'
      when not regexp_full_match(email, $address_pattern) then
        case
          when not contains(email, '@') then 'invalid_email_no_at'
          when length(email) - length(replace(email, '@', '')) > 1 then 'invalid_email_two_at'
          when regexp_matches(email, '\s') then 'invalid_email_spaces'
          when regexp_full_match(email, $local_pattern || '@.*') then 'invalid_email_domain'
          else 'invalid_email_syntax' end
      when length(email) > $email_length_max then 'invalid_email_syntax'
    end as address_reason
  from understood
)
select * exclude (address_reason, texts, all_cells, longest_attribute, country_word, time_zone_word, employee_count_word,
    basis_word, consent_word, opts_out),
  opts_out and address_reason is null as opted_out,
  case
    when address_reason is not null then address_reason
    when opts_out then null
    when not $allow_special_use and regexp_matches(email, $special_use_pattern) then 'special_use_domain'
    when regexp_matches(email, $role_pattern) then 'role_address'
    when regexp_matches(all_cells, $control_pattern) then 'control_characters'
    when regexp_matches(texts, $mojibake_pattern) then 'mojibake'
    when regexp_matches(texts, $formula_pattern) then 'formula'
    when length(first_name) > $name_length_max or length(last_name) > $name_length_max
      or greatest(length(company), length(job_title), length(industry), length(category), length(region), length(city),
        length(source), length(phone), length(website)) > $text_length_max
      or longest_attribute > $attribute_length_max then 'too_long'
    when country_word is not null and country is null then 'bad_country'
    when time_zone_word is not null and time_zone is null then 'bad_time_zone'
    when employee_count_word is not null and employee_count is null then 'bad_number'
    when legal_basis is null and basis_word is null then 'missing_legal_basis'
    when legal_basis is null then 'unknown_legal_basis'
    when legal_basis = 'refused' then 'consent_refused'
    when consent_word is null and $has_consent_at and legal_basis = 'consent' then 'missing_consent_time'
    when consent_word is not null and consent_at is null then 'bad_consent_time'
    when consent_at > $as_of::timestamptz then 'consent_in_future'
  end as reason
from addressed;

-- name: make_repeats!
-- For each address that several good rows have, the last of them: the later line of a file is the later word.
create table repeats as
select email, max(position) as kept from judged where reason is null and not opted_out group by email having count(*) > 1;

-- name: make_accepted!
-- The rows that go into the ledger: good, not opted out, one per address.
create view accepted as
select j.* from judged j left join repeats r on r.email = j.email
where j.reason is null and not j.opted_out and (r.kept is null or r.kept = j.position);

-- name: batch_counts
-- The file's counts after the row rules.
select (select count(*) from judged) + (select count(*) from unreadable) as row_count,
  (select count(*) from accepted) as accepted_count,
  (select count(*) from judged where reason is null and not opted_out) - (select count(*) from accepted) as duplicate_count,
  (select count(*) from judged where opted_out) as opted_out_count,
  (select count(*) from accepted where coalesce(country, '') = '') as blank_country_count,
  (select count(*) from accepted where legal_basis = 'consent' and consent_at is null) as unproved_consent_count;

-- name: rejected_by_reason
-- How many rows each reason rejected.
select reason, count(*) as rejected
from (select reason from judged where reason is not null union all select reason from unreadable)
group by reason order by rejected desc, reason;

-- name: sample_accepted
-- Accepted rows, evenly spread over the file, for the batch's suite of expectations.
select email, country, time_zone, legal_basis, consent_at, employee_count, source
from accepted where position % $every = 0 limit $size;

-- name: accepted_rows
-- Accepted rows as the ledger's staging table takes them.
select email, split_part(email, '@', 2) as email_domain, coalesce(first_name, ''), coalesce(last_name, ''),
  coalesce(company, ''), coalesce(job_title, ''), coalesce(industry, ''), coalesce(category, ''), employee_count,
  coalesce(phone, ''), coalesce(website, ''), coalesce(country, ''), coalesce(region, ''), coalesce(city, ''),
  coalesce(time_zone, ''), source, legal_basis, consent_at, attributes
from accepted;

-- name: opted_out_addresses
-- Addresses that the file itself says must not be mailed.
select distinct email from judged where opted_out;

-- name: clear_validation_results!
-- Forget an earlier try's results for a lead file.
delete from lake.validation_results where lead_file_id = $lead_file_id;

-- name: keep_validation_results!
-- Record how a lead file's batch was judged.
insert into lake.validation_results
select $lead_file_id, $suite, r.expectation, r.column_name, r.severity, r.success, r.observed, r.expected,
  $checked_at::timestamptz
from results r;

-- name: validation_results_of
-- How a lead file's batch was judged, failed expectations first.
select expectation, column_name, severity, success, observed, expected, checked_at
from lake.validation_results where lead_file_id = $lead_file_id order by success, severity, expectation, column_name;
