-- Mails that left before an older copy of the ledger was restored, and have no row in it, are mails to their people all the
-- same: for the days between campaigns, the week's cap, and whatever address of the inbox is planned (ADR 0025, 0032).

create index restored_sends_email on ledger.restored_sends (email_hash);

create view ledger.lost_mails as
select r.campaign_id, r.step, l.lead_id, r.claimed_at
from ledger.restored_sends r join ledger.leads l on l.email_hash = r.email_hash
where not exists (select from ledger.sends s
  where s.campaign_id = r.campaign_id and s.step = r.step and s.lead_id = l.lead_id);

create or replace function ledger.contacts(mailed_since timestamptz)
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
  union all
  select m.lead_id, m.campaign_id, 'mailed' from ledger.lost_mails m where m.claimed_at > contacts.mailed_since
$$;

-- The same inbox, not only the same address: of a person's two addresses a later plan may choose the other.
create or replace function ledger.doubt_restored_sends() returns trigger language plpgsql as $$
begin
  if exists (select from ledger.restored_sends) then
    update ledger.sends s set state = 'ambiguous', code = 'restored', mailbox_id = r.mailbox_id, claim_id = r.claim_id,
      claimed_at = r.claimed_at, attempts = 1
    from new_sends n
    join ledger.leads l on l.lead_id = n.lead_id
    join ledger.campaigns c on c.campaign_id = n.campaign_id
    join (
      select k.*, ledger.inbox(o.email) as inbox
      from ledger.restored_sends k join ledger.leads o on o.email_hash = k.email_hash
    ) r on r.campaign_id = n.campaign_id and r.step = n.step and r.inbox = ledger.inbox(l.email)
    where s.send_id = n.send_id and n.state = 'planned' and c.created_at <= r.claimed_at;
  end if;
  return null;
end
$$;
