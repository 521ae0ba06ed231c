-- A campaign planned after the copy was made may have the number of one that the restore lost: its sends say nothing of that
-- one's mails, and must not hide them.
create or replace view ledger.lost_mails as
select r.campaign_id, r.step, l.lead_id, r.claimed_at
from ledger.restored_sends r join ledger.leads l on l.email_hash = r.email_hash
where not exists (select from ledger.sends s join ledger.campaigns c using (campaign_id)
  where c.created_at <= r.claimed_at and s.campaign_id = r.campaign_id and s.step = r.step and s.lead_id = l.lead_id);
