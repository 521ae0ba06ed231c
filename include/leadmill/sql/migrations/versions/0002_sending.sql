-- Who sends, what is sent, and the promise that nobody is mailed twice.

create table ledger.provider_accounts (
  account_id bigint generated always as identity primary key,
  name text not null unique,                  -- the lane's name
  provider text not null check (provider in ('smtp', 'ses', 'sendgrid')),
  config jsonb not null default '{}',         -- host, port, tls, region, endpoint, preset …; never a secret
  secret_ref text not null default '',        -- environment variable or Airflow connection that holds the secret
  daily_limit integer check (daily_limit >= 0),
  max_per_second real check (max_per_second > 0),
  status text not null default 'active' check (status in ('active', 'paused')),
  status_reason text not null default '',
  next_send_at timestamptz,                   -- earliest next claim: max_per_second, or the provider asked to wait
  last_claim_at timestamptz,                  -- the lane's clock: a re-run of an old DAG run never turns it back
  created_at timestamptz not null
);

create table ledger.pools (
  pool_id bigint generated always as identity primary key,
  name text not null unique,
  accepts_legal_bases text[] not null,        -- policy: which legal bases this pool may mail
  override_reason text not null default '',   -- an admin's reason for a wider policy than the default
  created_at timestamptz not null
);

create table ledger.sending_domains (
  domain_id bigint generated always as identity primary key,
  name text not null unique check (name = lower(name)),
  sending_ips text[] not null default '{}',
  daily_limit integer check (daily_limit >= 0),
  status text not null default 'active' check (status in ('active', 'paused', 'cooling_down')),
  status_reason text not null default '',
  status_since timestamptz,
  cool_down_until timestamptz,
  created_at timestamptz not null
);

create table ledger.mailboxes (
  mailbox_id bigint generated always as identity primary key,
  domain_id bigint not null references ledger.sending_domains,
  account_id bigint not null references ledger.provider_accounts,
  pool_id bigint not null references ledger.pools,
  address text not null unique check (address = lower(address)),
  display_name text not null default '',
  user_name text not null default '',
  secret_ref text not null default '',        -- overrides the account's
  time_zone text not null default 'UTC',      -- its day starts at this zone's midnight
  daily_limit integer not null default 40 check (daily_limit >= 0),
  hourly_limit integer check (hourly_limit >= 0),
  min_gap_seconds integer not null default 0 check (min_gap_seconds >= 0),
  warm_up_started_on date,                    -- null: not warming up, full limit
  status text not null default 'active' check (status in ('active', 'paused', 'cooling_down')),
  status_reason text not null default '',
  status_evidence jsonb not null default '{}',
  status_since timestamptz,
  cool_down_until timestamptz,
  next_send_at timestamptz,                   -- earliest next claim, from min_gap_seconds
  created_at timestamptz not null
);
create index mailboxes_account on ledger.mailboxes (account_id);

-- What a mailbox used of its limits: one row per local day; taken in the claiming transaction.
create table ledger.mailbox_usage (
  mailbox_id bigint not null references ledger.mailboxes,
  day date not null,
  taken integer not null default 0 check (taken >= 0),
  accepted integer not null default 0,
  refused integer not null default 0,
  refused_address integer not null default 0, -- of these, the address did not exist: a bounce seen at once
  primary key (mailbox_id, day)
);
create table ledger.mailbox_hour_usage (
  mailbox_id bigint not null references ledger.mailboxes,
  hour timestamptz not null,
  taken integer not null default 0 check (taken >= 0),
  primary key (mailbox_id, hour)
);
-- What a sending domain used, by UTC day, over all its mailboxes and lanes.
create table ledger.domain_usage (
  domain_id bigint not null references ledger.sending_domains,
  day date not null,
  taken integer not null default 0 check (taken >= 0),
  primary key (domain_id, day)
);
-- What an account used, by hour: providers count their daily quota over a rolling 24 hours.
create table ledger.account_usage (
  account_id bigint not null references ledger.provider_accounts,
  hour timestamptz not null,
  taken integer not null default 0 check (taken >= 0),
  primary key (account_id, hour)
);
-- What collected events say of a mailbox, by UTC day of the send's acceptance.
create table ledger.mailbox_health (
  mailbox_id bigint not null references ledger.mailboxes,
  day date not null,
  accepted integer not null default 0,
  delivered integer not null default 0,
  hard_bounced integer not null default 0,
  soft_bounced integer not null default 0,
  blocked integer not null default 0,
  complained integer not null default 0,
  unsubscribed integer not null default 0,
  replied integer not null default 0,
  primary key (mailbox_id, day)
);

create table ledger.campaigns (
  campaign_id bigint generated always as identity primary key,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'draft'
    check (status in ('draft', 'approved', 'running', 'paused', 'finished', 'cancelled', 'deleted')),
  pool_id bigint references ledger.pools,
  segment jsonb not null default '{}',        -- leadmill.domain.campaigns.Segment
  timing text not null default 'best_time' check (timing in ('as_soon_as_possible', 'best_time', 'local_time', 'utc_time')),
  send_hour smallint check (send_hour between 0 and 23),
  starts_at timestamptz,
  ends_at timestamptz,
  track_opens boolean not null default true,
  track_clicks boolean not null default true,
  seed bigint not null default 0,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  approved_by text not null default '',
  approved_at timestamptz,
  planned_at timestamptz,
  finished_at timestamptz,
  status_reason text not null default '',
  audience_count bigint not null default 0,   -- leads that the segment held when it was planned
  left_out jsonb not null default '{}'        -- counts per reason of leads that got no send row
);

create table ledger.campaign_steps (
  campaign_id bigint not null references ledger.campaigns on delete cascade,
  step smallint not null check (step >= 1),
  delay_days smallint not null default 0 check (delay_days >= 0),
  primary key (campaign_id, step)
);

create table ledger.variants (
  variant_id bigint generated always as identity primary key,
  campaign_id bigint not null,
  step smallint not null,
  label text not null,
  weight real not null default 1 check (weight > 0),
  subject text not null,
  body_html text not null,
  body_text text not null default '',
  foreign key (campaign_id, step) references ledger.campaign_steps on delete cascade,
  unique (campaign_id, step, label)
);

create table ledger.sends (
  send_id bigint generated always as identity primary key,
  campaign_id bigint not null references ledger.campaigns,
  step smallint not null,
  lead_id bigint not null references ledger.leads,
  variant_id bigint not null references ledger.variants,
  state text not null default 'planned' check (state in ('planned', 'suppressed', 'claimed', 'accepted', 'delivered',
    'bounced', 'complained', 'refused', 'ambiguous', 'lost', 'cancelled', 'expired')),
  due_at timestamptz,                         -- null: waits for the step before
  window_ends_at timestamptz,                 -- null: no window; past it, the next window is due
  priority real not null default 0,           -- score; higher goes first
  attempts smallint not null default 0,
  mailbox_id bigint references ledger.mailboxes,
  assignment jsonb,                           -- why this mailbox
  claimed_at timestamptz,
  lease_until timestamptz,
  worker text,
  provider_message_id text,
  accepted_at timestamptz,
  fault text,
  code text,                                  -- refusal code or cancel reason
  state_changed_at timestamptz not null,
  replied_at timestamptz,
  unsubscribed_at timestamptz,                -- earliest, by events of this send
  bounce_kind text check (bounce_kind in ('hard', 'soft', 'blocked')),
  constraint sends_once unique (campaign_id, step, lead_id)
);
-- The order of claiming within a campaign; a paused campaign's rows are never walked over.
create index sends_due on ledger.sends (campaign_id, due_at, priority desc, send_id) where state = 'planned';
create index sends_lease on ledger.sends (lease_until) where state = 'claimed';
create index sends_lead on ledger.sends (lead_id);
create index sends_state on ledger.sends (campaign_id, state);
create index sends_provider_message on ledger.sends (provider_message_id) where provider_message_id is not null;
create index sends_mailbox on ledger.sends (mailbox_id, accepted_at) where mailbox_id is not null;

-- When a send may go out: the first fitting hour at or after `earliest`, and when that window closes (null: never).
-- best_time: the lead's best hours of the local week; local_time: send_hour in the lead's zone, utc_time: in UTC.
create function ledger.send_window(
  timing text, send_hour smallint, earliest timestamptz, zone text, local_hours smallint[],
  out due_at timestamptz, out window_ends_at timestamptz
) language plpgsql stable parallel safe as $$
declare
  hours smallint[];
  at_local timestamp;
  week_hour integer;
  wait_hours integer;
  open_hours integer := 4;                    -- of a fixed hour: a slot that limits cannot empty in one hour
begin
  if timing = 'as_soon_as_possible' or (timing <> 'best_time' and send_hour is null) then
    due_at := earliest;
    return;
  end if;
  begin
    at_local := earliest at time zone case timing when 'utc_time' then 'UTC' else zone end;
  exception when invalid_parameter_value then -- a zone that this server does not know
    zone := 'UTC';
    at_local := earliest at time zone 'UTC';
  end;
  if timing = 'best_time' then                -- unknown lead: Tuesday to Thursday, 9 to 11
    hours := coalesce(nullif(local_hours[1:12], '{}'), '{33,34,35,57,58,59,81,82,83}');
  else
    hours := array(select send_hour + 24 * d from generate_series(0, 6) d);
  end if;
  week_hour := (extract(isodow from at_local)::integer - 1) * 24 + extract(hour from at_local)::integer;
  if timing <> 'best_time' and at_local > date_trunc('hour', at_local) then
    week_hour := week_hour + 1;               -- "at 9" said at 9:20 means tomorrow
    at_local := date_trunc('hour', at_local) + interval '1 hour';
  end if;
  select min((h - week_hour % 168 + 168) % 168) into wait_hours from unnest(hours) h;
  if timing = 'best_time' then
    select min(k) into open_hours from generate_series(1, 168) k
    where k = 168 or not ((week_hour + wait_hours + k) % 168)::smallint = any(hours);
  end if;
  at_local := date_trunc('hour', at_local) + make_interval(hours => wait_hours);
  due_at := greatest(earliest, at_local at time zone case timing when 'utc_time' then 'UTC' else zone end);
  window_ends_at := greatest(
    (at_local + make_interval(hours => open_hours)) at time zone case timing when 'utc_time' then 'UTC' else zone end,
    due_at + interval '10 minutes');
end
$$;

-- The fields of a lead that a template can use: columns and the file's further columns, empty ones left out. Names are
-- as leadmill.domain.template_fields makes them: "Favourite Colour" is favourite_colour.
create function ledger.template_fields(lead ledger.leads) returns jsonb language sql stable parallel safe as $$
  select case when lead.attributes = '{}' then '{}'::jsonb else (
      select coalesce(jsonb_object_agg(name, value) filter (where name <> '' and value not in ('null', '""')), '{}')
      from (
        select trim(regexp_replace(lower(key), '[^a-z0-9]+', '_', 'g'), '_') as name, value
        from jsonb_each(lead.attributes)
      ) further
    ) end || jsonb_strip_nulls(jsonb_build_object(
      'first_name', nullif(lead.first_name, ''), 'last_name', nullif(lead.last_name, ''),
      'company', nullif(lead.company, ''), 'job_title', nullif(lead.job_title, ''),
      'industry', nullif(lead.industry, ''), 'category', nullif(lead.category, ''),
      'employee_count', lead.employee_count, 'phone', nullif(lead.phone, ''), 'website', nullif(lead.website, ''),
      'country', nullif(lead.country, ''), 'region', nullif(lead.region, ''), 'city', nullif(lead.city, '')))
$$;

-- Which inbox an address ends in, to mail one person once: "+tag" goes, and Gmail's dots.
create function ledger.inbox(email text) returns text language sql immutable parallel safe
return case when split_part(email, '@', 2) in ('gmail.com', 'googlemail.com')
  then replace(split_part(split_part(email, '@', 1), '+', 1), '.', '') || '@gmail.com'
  else split_part(split_part(email, '@', 1), '+', 1) || '@' || split_part(email, '@', 2) end;

create index suppressions_inbox on ledger.suppressions (ledger.inbox(email))
  where email is not null and reason <> 'hard_bounced';

-- Inboxes of persons who must be left alone, under whatever alias; a bounce speaks of its one address only.
create view ledger.barred_inboxes as
select ledger.inbox(email) as inbox, min(reason) as reason
from ledger.suppressions where email is not null and reason <> 'hard_bounced' group by ledger.inbox(email);

-- The leads a segment matches (leadmill.domain.segments.Segment as JSON), with their scores.
create function ledger.segment_leads(segment jsonb)
returns table (lead_id bigint, probability real) language sql stable parallel safe as $$
  select l.lead_id, coalesce(ls.probability, 0::real)
  from ledger.leads l left join ledger.lead_scores ls on ls.lead_id = l.lead_id
  where ((
      (not segment ? 'countries' or l.country in (select jsonb_array_elements_text(segment->'countries')))
      and (not segment ? 'industries' or l.industry in (select jsonb_array_elements_text(segment->'industries')))
      and (not segment ? 'categories' or l.category in (select jsonb_array_elements_text(segment->'categories')))
      and (not segment ? 'sources' or l.source in (select jsonb_array_elements_text(segment->'sources')))
      and (not segment ? 'legal_bases' or l.legal_basis in (select jsonb_array_elements_text(segment->'legal_bases')))
      and (not segment ? 'lead_file_ids'
        or l.lead_file_id in (select jsonb_array_elements_text(segment->'lead_file_ids')::bigint))
      and (not segment ? 'min_score' or coalesce(ls.probability, 0) >= (segment->>'min_score')::real)
      and (not segment ? 'max_score' or coalesce(ls.probability, 0) <= (segment->>'max_score')::real)
      and (not segment ? 'min_employees' or l.employee_count >= (segment->>'min_employees')::integer)
      and (not segment ? 'max_employees' or l.employee_count <= (segment->>'max_employees')::integer)
      and (not segment ? 'text' or strpos(lower(concat_ws(' ', l.first_name, l.last_name, l.company, l.job_title,
        l.city, l.email_domain)), lower(segment->>'text')) > 0)
    ) or l.lead_id in (select jsonb_array_elements_text(segment->'include_lead_ids')::bigint))
    and (not segment ? 'exclude_lead_ids'
      or l.lead_id not in (select jsonb_array_elements_text(segment->'exclude_lead_ids')::bigint))
    and (not segment ? 'exclude_lead_file_ids' or l.lead_file_id is null
      or l.lead_file_id not in (select jsonb_array_elements_text(segment->'exclude_lead_file_ids')::bigint))
    and (not segment ? 'exclude_campaign_ids' or l.lead_id not in (
      select s.lead_id from ledger.sends s where s.accepted_at is not null
        and s.campaign_id in (select jsonb_array_elements_text(segment->'exclude_campaign_ids')::bigint)))
$$;

-- A segment's leads with the first reason why one is not mailed; null: will be mailed. `accepts` null: any legal basis.
create function ledger.audience(segment jsonb, accepts text[])
returns table (lead_id bigint, probability real, left_out text) language sql stable as $$
  select judged.lead_id, judged.probability, coalesce(judged.barred, case when row_number() over (
    partition by judged.barred is null, judged.inbox order by judged.probability desc, judged.lead_id) > 1
    then 'duplicate' end)
  from (
    select m.lead_id, m.probability, ledger.inbox(l.email) collate "C" as inbox, case
      when l.erased_at is not null then 'erased'
      when l.email is null then 'no_email'
      when x.email_hash is not null or b.inbox is not null then 'suppressed'
      when l.legal_basis <> all(accepts) then 'policy' end as barred
    from ledger.segment_leads(segment) m
    join ledger.leads l on l.lead_id = m.lead_id
    left join ledger.suppressions x on x.email_hash = l.email_hash
    left join ledger.barred_inboxes b on b.inbox = ledger.inbox(l.email)
  ) judged
$$;
