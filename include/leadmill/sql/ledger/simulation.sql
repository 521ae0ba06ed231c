-- name: pool_history^
-- What became of the mails of a pool's mailboxes since a day?
select p.pool_id, coalesce(sum(h.tried), 0)::integer as mails, coalesce(sum(h.bounced), 0)::integer as bounced,
  coalesce(sum(h.complained), 0)::integer as complained, coalesce(sum(h.blocked), 0)::integer as blocked,
  coalesce(sum(h.replied), 0)::integer as replied
from ledger.pools p
left join ledger.mailboxes m using (pool_id)
left join (select * from ledger.mailbox_outcomes where day > :since::date) h using (mailbox_id)
where p.name = :pool::text
group by p.pool_id;

-- name: campaign_to_simulate^
-- Which pool sends a campaign, and how many steps has it, how far apart?
select c.campaign_id, coalesce(p.name, '') as pool, c.planned_at is not null as is_planned, c.segment,
  p.accepts_legal_bases,
  greatest(1, (select count(*) from ledger.campaign_steps st where st.campaign_id = c.campaign_id))::integer as steps,
  coalesce((select round(avg(st.delay_days)) from ledger.campaign_steps st
    where st.campaign_id = c.campaign_id and st.step > 1), 3)::integer as step_delay_days
from ledger.campaigns c left join ledger.pools p using (pool_id)
where c.campaign_id = :campaign_id::bigint;

-- name: recipients_to_come
-- How many first mails of a planned campaign are still to go out, by limited family of recipient domains?
select coalesce(f.family, '') as family, f.hourly_limit, count(*)::integer as recipients
from ledger.sends s join ledger.leads l using (lead_id)
left join ledger.recipient_domains rd on rd.domain = l.email_domain
left join ledger.recipient_families f on f.family = rd.family and f.hourly_limit is not null
where s.campaign_id = :campaign_id::bigint and s.step = 1 and s.state = 'planned'
group by 1, 2;

-- name: audience_to_come
-- How many people would a campaign mail that is not planned yet, by limited family of recipient domains?
select coalesce(f.family, '') as family, f.hourly_limit, count(*)::integer as recipients
from ledger.audience(:segment::jsonb, :accepts::text[], false, false, false, null) a join ledger.leads l using (lead_id)
left join ledger.recipient_domains rd on rd.domain = l.email_domain
left join ledger.recipient_families f on f.family = rd.family and f.hourly_limit is not null
where a.left_out is null
group by 1, 2;
