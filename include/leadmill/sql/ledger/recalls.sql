-- name: look_for_marks^
-- Was anything written, since the time of that snapshot, that may keep claimed sends from going out? With the snapshot to
-- ask with the next time. A campaign's end comes by itself.
select pg_current_snapshot()::text as seen, exists (
    select from ledger.recall_marks w
    where w.xid >= pg_snapshot_xmin(:seen::text::pg_snapshot) and not pg_visible_in_snapshot(w.xid, :seen::text::pg_snapshot)
  ) or exists (
    select from ledger.campaigns c
    where c.status = 'running' and c.ends_at > :since::timestamptz and c.ends_at <= :now::timestamptz) as is_changed;

-- name: first_look^
-- From which snapshot on are wishes news?
select pg_current_snapshot()::text as seen;

-- name: unwanted_sends
-- Which of a worker's claimed sends must not go out any more: for good (suppressed, cancelled), or not now (released)?
with mine as materialized (
  select c.claim_id, held.send_id
  from ledger.claims c cross join lateral unnest(c.send_ids) as held(send_id)
  where c.worker = :worker::text and not c.is_swept
), held as (
  select s.send_id, s.step, s.lead_id, c.campaign_id, c.status as campaign_status, c.ends_on_any_bounce,
    c.ends_on_other_reply, c.leave_out_replied, c.planned_at,
    c.ends_at <= :now::timestamptz as is_over, l.email, l.email_hash, l.erased_at, l.legal_basis, l.company, l.job_title,
    l.email_domain, l.country, p.accepts_legal_bases, a.status <> 'active' or m.status = 'paused' or d.status = 'paused'
      or (m.status = 'cooling_down' and coalesce(m.cool_down_until, 'infinity') > :now::timestamptz)
      or (d.status = 'cooling_down' and coalesce(d.cool_down_until, 'infinity') > :now::timestamptz) as is_stopped
  from mine
  join ledger.sends s on s.send_id = mine.send_id and s.claim_id = mine.claim_id and s.state = 'claimed' and not s.answered
  join ledger.campaigns c on c.campaign_id = s.campaign_id
  join ledger.pools p on p.pool_id = c.pool_id
  join ledger.leads l on l.lead_id = s.lead_id
  join ledger.mailboxes m on m.mailbox_id = s.mailbox_id
  join ledger.sending_domains d on d.domain_id = m.domain_id
  join ledger.provider_accounts a on a.account_id = m.account_id
), judged as (
  select h.send_id, h.campaign_status, h.is_over, h.is_stopped,
    case when h.email is null or h.erased_at is not null then 'erased' else coalesce(x.reason, (
        select b.reason from ledger.suppressions b
        where b.email is not null and b.reason not in ('hard_bounced', 'refuses_us') and ledger.inbox(b.email) = ledger.inbox(h.email)
        limit 1),
      case when h.legal_basis <> all(h.accepts_legal_bases) then 'policy'
        when ledger.country_bars(h.legal_basis, h.company, h.job_title, h.email_domain,
          coalesce(own.accepts, other.accepts), coalesce(own.needs, other.needs)) then 'policy_country' end) end
      as suppressed_by,
    coalesce(case when h.step > 1 then (
      select case when b.replied_at is not null then 'replied' else b.state end
      from ledger.sends b
      where b.lead_id = h.lead_id and b.campaign_id = h.campaign_id and b.step < h.step
        and (b.replied_at is not null or ledger.ends_sequence(b.state, b.bounce_kind, h.ends_on_any_bounce))
      limit 1) end,
      case when h.ends_on_other_reply and exists (
        select from ledger.shared_leads sl
        join ledger.shared_leads o on o.person_id = sl.person_id
        join ledger.sends b on b.lead_id = o.lead_id and b.campaign_id + 0 <> h.campaign_id -- "+ 0": look it up by lead
        where sl.lead_id = h.lead_id and b.replied_at is not null
          and (h.leave_out_replied or b.replied_at >= h.planned_at)) then 'replied_elsewhere' end) as ended_by
  from held h
  left join ledger.suppressions x on x.email_hash = h.email_hash
  left join ledger.country_policy own on own.country = h.country
  left join ledger.country_policy other on other.country = 'ZZ'
)
select send_id,
  case when suppressed_by is not null then 'suppressed' when ended_by is not null then 'cancelled' else 'released' end
    as outcome,
  coalesce(suppressed_by, ended_by, case when campaign_status <> 'running' then 'campaign_' || campaign_status
    when is_over then 'campaign_ended' else 'sender_stopped' end) as code
from judged
where suppressed_by is not null or ended_by is not null or campaign_status <> 'running' or is_over or is_stopped
union all
-- An older copy of the ledger was restored and claimed it again: evidence says meanwhile that it had left.
select s.send_id, 'released', 'left_before'
from mine join ledger.sends s on s.send_id = mine.send_id and s.claim_id = mine.claim_id
where not s.answered and s.state in ('accepted', 'delivered', 'dropped', 'bounced', 'complained');

-- name: sends_in_hand^
-- How many sends are in workers' hands right now: of a person (with the aliases of the same inbox), a campaign, or what
-- goes out from a mailbox, a domain or an account?
select count(*)::integer as sends
from ledger.claims c
cross join lateral unnest(c.send_ids) as held(send_id)
join ledger.sends s on s.send_id = held.send_id and s.claim_id = c.claim_id and s.state = 'claimed' and not s.answered
join ledger.leads l on l.lead_id = s.lead_id
join ledger.mailboxes m on m.mailbox_id = s.mailbox_id
join ledger.sending_domains d on d.domain_id = m.domain_id
join ledger.provider_accounts a on a.account_id = m.account_id
where not c.is_swept and c.lease_until > :as_of::timestamptz
  and (:lead_id::bigint is null or s.lead_id = :lead_id::bigint or ledger.inbox(l.email) = (
    select ledger.inbox(named.email) from ledger.leads named where named.lead_id = :lead_id::bigint))
  and (:campaign_id::bigint is null or s.campaign_id = :campaign_id::bigint)
  and (:mailbox_id::bigint is null or s.mailbox_id = :mailbox_id::bigint)
  and (:domain::text is null or d.name = :domain::text)
  and (:account::text is null or a.name = :account::text);

-- name: forget_old_marks!
-- Drop what every lane has looked at long since.
delete from ledger.recall_marks w where w.ctid = any(array(
  select o.ctid from ledger.recall_marks o where o.noted_at < clock_timestamp() - interval '1 hour' for update skip locked));
