-- Nobody is annoyed by two campaigns: whom a campaign leaves out, and who may get a mail of more than one (ADR 0032).

alter table ledger.campaigns
  add column leave_out_replied boolean not null default true,      -- whoever ever answered a mail of a campaign
  add column leave_out_in_sequence boolean not null default true,  -- whoever has a mail of another campaign to come
  -- Days that must lie between another campaign's mail to a person and one of this; 0: none. Null: the setting's, until
  -- the plan writes down what it was.
  add column days_apart smallint check (days_apart between 0 and 365),
  add column ends_on_other_reply boolean not null default true;    -- an answer to another campaign ends this one, too
-- What was approved before these rules were there keeps what it had; drafts take them over.
update ledger.campaigns
set leave_out_replied = false, leave_out_in_sequence = false, days_apart = 0, ends_on_other_reply = false
where status <> 'draft';

-- Replies are rare and their time is written once: this index keeps no send from changing in place.
create index sends_replied on ledger.sends (replied_at) include (lead_id, campaign_id) where replied_at is not null;

-- What campaigns have with their leads: 'replied' ever, 'in_sequence' (a mail to come, in hand or in doubt, of a running or
-- paused campaign), 'mailed' since a moment (accepted, in hand or in doubt). Each branch has an index or few rows to read.
create function ledger.contacts(mailed_since timestamptz)
returns table (lead_id bigint, campaign_id bigint, kind text) language sql stable as $$
  select s.lead_id, s.campaign_id, 'replied' from ledger.sends s where s.replied_at is not null
  union all
  select s.lead_id, s.campaign_id, 'in_sequence'
  from ledger.campaigns c join ledger.sends s on s.campaign_id = c.campaign_id
  where c.status in ('running', 'paused') and s.state in ('planned', 'claimed', 'ambiguous')
  union all
  select s.lead_id, s.campaign_id, 'mailed' from ledger.sends s
  where s.accepted_at > contacts.mailed_since and s.state in ('accepted', 'delivered', 'bounced', 'complained')
  union all
  select s.lead_id, s.campaign_id, 'mailed'
  from ledger.doubts d join ledger.sends s on s.send_id = d.send_id
  where s.state = 'ambiguous' and s.claimed_at > contacts.mailed_since
  union all
  select s.lead_id, s.campaign_id, 'mailed'
  from ledger.claims c cross join lateral unnest(c.send_ids) as held(send_id)
  join ledger.sends s on s.send_id = held.send_id
  where not c.is_swept and s.state = 'claimed' and s.claimed_at > contacts.mailed_since
$$;

-- A segment's leads with the first reason why one is not mailed; null: will be mailed. `accepts` null: any legal basis.
-- Beside it what other campaigns have with the person (any address of the inbox), whether that leaves out or not: the latest
-- campaign that was answered, that has a mail to come, that mailed since `mailed_since`.
drop function ledger.audience(jsonb, text[]);
create function ledger.audience(
  segment jsonb, accepts text[], skips_replied boolean, skips_in_sequence boolean, skips_mailed boolean, mailed_since timestamptz
)
returns table (lead_id bigint, probability real, left_out text, replied_to bigint, in_sequence_of bigint, mailed_by bigint)
language sql stable as $$
  select judged.lead_id, judged.probability, coalesce(judged.barred, case when row_number() over (
    partition by judged.barred is null, judged.inbox order by judged.probability desc, judged.lead_id) > 1
    then 'duplicate' end), judged.replied_to, judged.in_sequence_of, judged.mailed_by
  from (
    select m.lead_id, m.probability, ledger.inbox(l.email) collate "C" as inbox, case
      when l.erased_at is not null then 'erased'
      when l.email is null then 'no_email'
      when x.email_hash is not null or b.inbox is not null then 'suppressed'
      when l.legal_basis <> all(audience.accepts) then 'policy'
      when ledger.country_bars(l.legal_basis, l.company, l.job_title, l.email_domain,
        coalesce(own.accepts, other.accepts), coalesce(own.needs, other.needs)) then 'policy_country'
      when audience.skips_replied and k.replied_to is not null then 'replied'
      when audience.skips_in_sequence and k.in_sequence_of is not null then 'in_sequence'
      when audience.skips_mailed and k.mailed_by is not null then 'mailed_recently' end as barred,
      k.replied_to, k.in_sequence_of, k.mailed_by
    from ledger.segment_leads(segment) m
    join ledger.leads l on l.lead_id = m.lead_id
    left join ledger.suppressions x on x.email_hash = l.email_hash
    left join ledger.barred_inboxes b on b.inbox = ledger.inbox(l.email)
    left join ledger.country_policy own on own.country = l.country
    left join ledger.country_policy other on other.country = 'ZZ'
    left join (
      select ledger.inbox(p.email) as inbox, max(h.campaign_id) filter (where h.kind = 'replied') as replied_to,
        max(h.campaign_id) filter (where h.kind = 'in_sequence') as in_sequence_of,
        max(h.campaign_id) filter (where h.kind = 'mailed') as mailed_by
      from ledger.contacts(mailed_since) h join ledger.leads p on p.lead_id = h.lead_id
      where p.email is not null group by 1
    ) k on k.inbox = ledger.inbox(l.email)
  ) judged
$$;

-- Leads that more than one campaign may mail, written by whoever plans the second: a claim looks at these only, one by one.
-- All leads of a person (one inbox) share the id of one of them, whose row in ledger.leads is locked for the look.
create table ledger.shared_leads (
  lead_id bigint primary key,
  person_id bigint not null
);
create index shared_leads_person on ledger.shared_leads (person_id);
-- Sends that stand side by side already: their campaigns have none of these rules, but the week's cap is everybody's.
insert into ledger.shared_leads (lead_id, person_id)
select k.lead_id, min(k.lead_id) over (partition by k.inbox) from (
  select distinct h.lead_id, ledger.inbox(l.email) as inbox
  from ledger.contacts(now() - interval '7 days') h join ledger.leads l on l.lead_id = h.lead_id
  where h.kind <> 'replied' and l.email is not null
) k
where k.inbox in (
  select ledger.inbox(l.email) from ledger.contacts(now() - interval '7 days') h join ledger.leads l on l.lead_id = h.lead_id
  where h.kind <> 'replied' and l.email is not null group by 1 having count(distinct h.campaign_id) > 1);
