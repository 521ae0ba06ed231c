-- Attachments, content blocks and the rules of countries.

alter table ledger.campaigns
  add column fallbacks jsonb not null default '[]', -- [[variable, text]]: what stands in for a missing field
  add column blocks jsonb not null default '[]';    -- leadmill.domain.content_blocks.ContentBlock
alter table ledger.campaign_steps
  add column attachments jsonb not null default '[]'; -- leadmill.domain.attachments.AttachedFile; bytes lie in the store

alter table ledger.sending_domains
  add column dkim_keys jsonb not null default '[]'; -- leadmill.domain.dkim.DkimKeyRef; where keys are, never a key

-- Which legal bases a country's law lets us mail; the words and sources are in leadmill.domain.country_rules.
create table ledger.country_rules (
  country text primary key check (country = '' or country ~ '^[A-Z]{2}$'), -- '': unknown; ZZ: every country not listed
  accepts_legal_bases text[] not null,
  needs text not null default '' check (needs in ('', 'company', 'role')), -- of a lead on legitimate interest
  version text not null,
  override_legal_bases text[],                -- an admin's, instead of accepts_legal_bases and needs
  override_reason text not null default '',
  overridden_by text not null default '',
  overridden_at timestamptz
);

insert into ledger.country_rules (country, accepts_legal_bases, needs, version)
select country, '{consent,contract}', '', '2026-11'
from unnest('{DE,AT,NL,IN,IT,ES,PL,DK,CH,CA,AU,NZ,JP,KR,BR,ZA,IL,BE,BG,CY,CZ,EE,FI,GR,HR,HU,IE,IS,LI,LT,LU,LV,MT,NO,PT,
RO,SE,SI,SK,"",ZZ}'::text[]) country;
insert into ledger.country_rules (country, accepts_legal_bases, needs, version) values
  ('US', '{consent,contract,legitimate_interest}', '', '2026-11'),
  ('SG', '{consent,contract,legitimate_interest}', '', '2026-11'),
  ('GB', '{consent,contract,legitimate_interest}', 'company', '2026-11'),
  ('FR', '{consent,contract,legitimate_interest}', 'role', '2026-11');

-- What holds now, overrides counted in.
create view ledger.country_policy as
select country, coalesce(override_legal_bases, accepts_legal_bases) as accepts,
  case when override_legal_bases is null then needs else '' end as needs
from ledger.country_rules;

-- Domains where anybody gets an address: it says nothing of a company.
create function ledger.is_free_mail(domain text) returns boolean language sql immutable parallel safe
return domain in ('gmail.com', 'googlemail.com', 'yahoo.com', 'hotmail.com', 'outlook.com', 'live.com', 'msn.com',
  'icloud.com', 'me.com', 'aol.com', 'gmx.de', 'gmx.net', 'web.de', 't-online.de', 'mail.ru', 'yandex.ru', 'qq.com',
  '163.com', 'proton.me', 'protonmail.com', 'orange.fr', 'free.fr', 'libero.it', 'rediffmail.com', 'yahoo.co.uk',
  'hotmail.co.uk', 'btinternet.com', 'hotmail.fr', 'wanadoo.fr', 'laposte.net', 'sfr.fr', 'yahoo.fr');

-- Whether a country's policy keeps us from mailing a lead.
create function ledger.country_bars(
  legal_basis text, company text, job_title text, email_domain text, accepts text[], needs text
) returns boolean language sql immutable parallel safe
return legal_basis <> all(accepts) or (legal_basis = 'legitimate_interest' and needs <> ''
  and (company = '' or ledger.is_free_mail(email_domain) or (needs = 'role' and job_title = '')));

-- The leads a segment matches (leadmill.domain.segments.Segment as JSON), with their scores.
create or replace function ledger.segment_leads(segment jsonb)
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
    and (not segment ? 'exclude_categories'
      or l.category not in (select jsonb_array_elements_text(segment->'exclude_categories')))
    and (not segment ? 'exclude_without'
      or ledger.template_fields(l) ?& array(select jsonb_array_elements_text(segment->'exclude_without')))
    and (not segment ? 'exclude_campaign_ids' or l.lead_id not in (
      select s.lead_id from ledger.sends s where s.accepted_at is not null
        and s.campaign_id in (select jsonb_array_elements_text(segment->'exclude_campaign_ids')::bigint)))
$$;

-- A segment's leads with the first reason why one is not mailed; null: will be mailed. `accepts` null: any legal basis.
create or replace function ledger.audience(segment jsonb, accepts text[])
returns table (lead_id bigint, probability real, left_out text) language sql stable as $$
  select judged.lead_id, judged.probability, coalesce(judged.barred, case when row_number() over (
    partition by judged.barred is null, judged.inbox order by judged.probability desc, judged.lead_id) > 1
    then 'duplicate' end)
  from (
    select m.lead_id, m.probability, ledger.inbox(l.email) collate "C" as inbox, case
      when l.erased_at is not null then 'erased'
      when l.email is null then 'no_email'
      when x.email_hash is not null or b.inbox is not null then 'suppressed'
      when l.legal_basis <> all(audience.accepts) then 'policy'
      when ledger.country_bars(l.legal_basis, l.company, l.job_title, l.email_domain,
        coalesce(own.accepts, other.accepts), coalesce(own.needs, other.needs)) then 'policy_country' end as barred
    from ledger.segment_leads(segment) m
    join ledger.leads l on l.lead_id = m.lead_id
    left join ledger.suppressions x on x.email_hash = l.email_hash
    left join ledger.barred_inboxes b on b.inbox = ledger.inbox(l.email)
    left join ledger.country_policy own on own.country = l.country
    left join ledger.country_policy other on other.country = 'ZZ'
  ) judged
$$;
