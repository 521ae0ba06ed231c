-- name: lead_file_of_content
-- What became of the lead file with this content?
select lead_file_id, status, row_count, new_count, updated_count, unchanged_count, duplicate_count, rejected_count,
  suppressed_count, rejected_by_reason, verdict, quarantine_uri
from ledger.lead_files
where sha256 = :sha256::text
order by lead_file_id desc
limit 1;

-- name: readiness_of_leads
-- How many leads are there, and how many of them have a score and a send-time window?
select count(*) as leads, count(s.lead_id) as scored, count(w.lead_id) as with_window
from ledger.leads l
left join ledger.lead_scores s using (lead_id)
left join ledger.lead_windows w using (lead_id);

-- name: dispatch_standing
-- How far is the dispatch of one campaign: what is still due now, under way, handed over, and anything else?
select
  count(*) filter (where state = 'planned' and due_at <= :as_of::timestamptz) as due,
  count(*) filter (where state = 'claimed') as under_way,
  count(*) filter (where accepted_at is not null) as handed_over,
  count(*) filter (where state in ('delivered', 'dropped', 'bounced', 'complained')) as answered
from ledger.sends
where campaign_id = :campaign_id::bigint;

-- name: states_by_step
-- How many sends of one campaign are in which state, by step?
select step, state, count(*) as sends
from ledger.sends
where campaign_id = :campaign_id::bigint
group by step, state
order by step, state;

-- name: mailbox_counts
-- What did each mailbox do so far: mails handed over, and what came back?
select m.address, a.name as account, m.status, d.status as domain_status, m.daily_limit,
  coalesce(sum(h.accepted), 0)::bigint as accepted, coalesce(sum(h.delivered), 0)::bigint as delivered,
  coalesce(sum(h.hard_bounced), 0)::bigint as hard_bounced, coalesce(sum(h.soft_bounced), 0)::bigint as soft_bounced,
  coalesce(sum(h.blocked), 0)::bigint as blocked, coalesce(sum(h.complained), 0)::bigint as complained,
  coalesce((select sum(u.accepted) from ledger.mailbox_usage u where u.mailbox_id = m.mailbox_id), 0)::bigint as sent
from ledger.mailboxes m
join ledger.sending_domains d using (domain_id)
join ledger.provider_accounts a using (account_id)
left join ledger.mailbox_health h using (mailbox_id)
group by m.mailbox_id, a.name, d.status
order by m.mailbox_id;
