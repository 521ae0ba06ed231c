-- name: end_hold
-- Close the open hold of a subject: it sends again, or is stopped anew. What had stopped it, and cooled it down before?
update ledger.holds h set ended_at = :as_of::timestamptz, ended_by = :actor::text, end_reason = :reason::text
where h.subject_kind = :kind::text and h.subject_id = :subject_id::bigint and h.ended_at is null
returning h.status, h.cause, h.reason, coalesce(h.evidence ->> 'cools_down', (
  select c.reason from ledger.holds c
  where c.subject_kind = h.subject_kind and c.subject_id = h.subject_id and c.status = 'cooling_down'
  order by c.began_at desc, c.hold_id desc limit 1), '') as cool_down_reason;

-- name: note_cool_down!
-- Keep with an open pause why a cool-down goes on beneath it.
update ledger.holds set evidence = evidence || jsonb_build_object('cools_down', :reason::text)
where subject_kind = :kind::text and subject_id = :subject_id::bigint and ended_at is null;

-- name: begin_hold!
-- Keep what stopped a subject, with its evidence.
insert into ledger.holds (subject_kind, subject_id, status, cause, finding, reason, evidence, began_by, began_at, until)
values (:kind::text, :subject_id::bigint, :status::text, :cause::text, :finding::text, :reason::text, :evidence::jsonb,
  :actor::text, :as_of::timestamptz, :until::timestamptz);

-- name: holds
-- What is stopped now, or was stopped since then, and on what evidence? Open ones first, the newest first.
select h.hold_id, h.subject_kind, h.subject_id, coalesce(m.address, d.name, a.name, '') as subject, h.status, h.cause,
  h.finding, h.reason, h.evidence, h.began_by, h.began_at,
  case when h.ended_at is null and h.status = 'cooling_down' then coalesce(m.cool_down_until, d.cool_down_until, h.until)
    else h.until end as until, h.ended_by, h.ended_at, h.end_reason
from ledger.holds h
left join ledger.mailboxes m on h.subject_kind = 'mailbox' and m.mailbox_id = h.subject_id
left join ledger.sending_domains d on h.subject_kind = 'domain' and d.domain_id = h.subject_id
left join ledger.provider_accounts a on h.subject_kind = 'account' and a.account_id = h.subject_id
where h.ended_at is null or h.began_at >= :since::timestamptz
order by h.ended_at is not null, h.began_at desc, h.hold_id desc
limit :row_limit::integer;

-- name: record_complaints!
-- Keep which campaign and mailbox a complaint concerns; where only a signature proves the mail, no mailbox is known.
insert into ledger.complaints (send_id, campaign_id, mailbox_id, complained_at)
select send_id, campaign_id, mailbox_id, state_changed_at from ledger.sends
where send_id = any(:send_ids::bigint[])
on conflict (send_id) do nothing;

-- name: campaigns_complained_about
-- Which campaigns drew complaints, from which mailboxes, and how many of them has a review seen?
select c.campaign_id, k.name as campaign_name, c.complaints, c.mailbox_ids, coalesce(r.seen, 0)::integer as seen
from (
  select campaign_id, count(*)::integer as complaints,
    coalesce(array_agg(distinct mailbox_id) filter (where mailbox_id is not null), '{}') as mailbox_ids
  from ledger.complaints group by campaign_id
) c
join ledger.campaigns k using (campaign_id)
left join (
  select campaign_id, max(complaints) as seen from ledger.content_reviews group by campaign_id
) r using (campaign_id)
where c.complaints > coalesce(r.seen, 0);

-- name: mails_of_campaign
-- How many mails of a campaign were tried?
select count(*) as mails from ledger.mail_outcomes where campaign_id = :campaign_id::bigint;

-- name: open_review
-- Ask for a campaign's content to be reviewed, or bring the open review up to date.
insert into ledger.content_reviews (campaign_id, complaints, mails, mailbox_ids, opened_at)
values (:campaign_id::bigint, :complaints::integer, :mails::bigint, :mailbox_ids::bigint[], :as_of::timestamptz)
on conflict (campaign_id) where closed_at is null
do update set complaints = excluded.complaints, mails = excluded.mails, mailbox_ids = excluded.mailbox_ids
returning review_id;

-- name: hold_campaign
-- Stop claiming for a campaign until its content is reviewed, and keep one that is paused from being resumed until then.
-- No row: it ran no more.
with held as (
  update ledger.campaigns
  set status = 'paused', status_reason = :reason::text, updated_at = :as_of::timestamptz
  where campaign_id = :campaign_id::bigint and status = 'running'
  returning campaign_id
), kept as (
  update ledger.content_reviews r set is_held = true from ledger.campaigns c
  where r.campaign_id = :campaign_id::bigint and r.closed_at is null and c.campaign_id = r.campaign_id
    and c.status in ('running', 'paused')
)
select campaign_id from held;

-- name: close_review
-- Write that a person has read the content and lets it go on (or not).
update ledger.content_reviews
set closed_at = :as_of::timestamptz, closed_by = :actor::text, close_reason = :reason::text
where campaign_id = :campaign_id::bigint and closed_at is null
returning review_id, is_held;

-- name: resume_held_campaign
-- Let a campaign run again that nothing but its review had stopped.
update ledger.campaigns set status = 'running', status_reason = '', updated_at = :as_of::timestamptz
where campaign_id = :campaign_id::bigint and status = 'paused' and starts_with(status_reason, :reason_prefix::text)
returning campaign_id;

-- name: open_reviews
-- Which campaigns wait for somebody to read their content, and what was said of them?
select r.review_id, r.campaign_id, c.name as campaign, c.status as campaign_status, r.complaints, r.mails, r.is_held,
  r.opened_at, coalesce((select array_agg(m.address order by m.address) from ledger.mailboxes m
    where m.mailbox_id = any(r.mailbox_ids)), '{}') as mailboxes
from ledger.content_reviews r join ledger.campaigns c using (campaign_id)
where r.closed_at is null
order by r.opened_at;
