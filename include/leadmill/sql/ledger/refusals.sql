-- name: refusals
-- Why were mails of a campaign refused for good, how many by which code, and how many of them may be sent again? Not where the
-- address is dead, somebody asked to be left alone, or the mail may have been taken.
select s.code, s.fault, count(*)::integer as mails,
  count(*) filter (where s.fault is distinct from 'address' and s.accepted_at is null and l.email is not null
    and l.erased_at is null and x.email_hash is null and b.inbox is null)::integer as may_go_again,
  max(s.state_changed_at) as last_at
from ledger.sends s join ledger.leads l using (lead_id)
left join ledger.suppressions x on x.email_hash = l.email_hash
left join ledger.barred_inboxes b on b.inbox = ledger.inbox(l.email)
where s.campaign_id = :campaign_id::bigint and s.state = 'refused'
group by s.code, s.fault order by mails desc, s.code;

-- name: lock_campaign_to_send_again^
-- May a campaign's mails be sent again? Its row stays locked until they are.
select name, status, ends_at, coalesce(days_apart, 0) as days_apart from ledger.campaigns
where campaign_id = :campaign_id::bigint for no key update;

-- name: send_refused_again
-- Plan refused mails anew, on a person's word that they were refused wrongly: due now (or, where a campaign keeps hours, in the
-- next window, which planning gives), all attempts before them.
with again as (
  select s.send_id, c.timing = 'as_soon_as_possible' as is_due_at_once
  from ledger.sends s join ledger.campaigns c using (campaign_id) join ledger.leads l using (lead_id)
  left join ledger.suppressions x on x.email_hash = l.email_hash
  left join ledger.barred_inboxes b on b.inbox = ledger.inbox(l.email)
  where s.campaign_id = :campaign_id::bigint and s.state = 'refused' and s.code = any(:codes::text[])
    and s.fault is distinct from 'address' and s.accepted_at is null and l.email is not null and l.erased_at is null
    and x.email_hash is null and b.inbox is null
  order by s.send_id for no key update of s
)
update ledger.sends s
set state = 'planned', due_at = :as_of::timestamptz, attempts = 0, fault = null, code = null, claimed_at = null,
  window_ends_at = case when not a.is_due_at_once then :as_of::timestamptz end, answered = true,
  state_changed_at = :as_of::timestamptz
from again a where s.send_id = a.send_id
returning s.send_id;

-- name: bring_back_follow_ups
-- Follow-ups that were cancelled since the mail before was refused wait for it again.
update ledger.sends f
set state = 'planned', due_at = null, window_ends_at = null, code = null, state_changed_at = :as_of::timestamptz
from ledger.sends s
where s.send_id = any(:send_ids::bigint[]) and f.campaign_id = s.campaign_id and f.lead_id = s.lead_id and f.step > s.step
  and f.state = 'cancelled' and f.code in ('refused', 'after_refused', 'after_cancelled')
returning f.send_id;

-- name: run_again
-- A finished campaign with mails to send runs again.
update ledger.campaigns set status = 'running', finished_at = null, status_reason = '', updated_at = :as_of::timestamptz
where campaign_id = :campaign_id::bigint and status = 'finished'
returning campaign_id;
