-- One definition of what became of a mail, and a state of its own for what a provider never tried to deliver.

alter table ledger.sends drop constraint sends_state_check;
alter table ledger.sends add constraint sends_state_check check (state in ('planned', 'suppressed', 'claimed', 'accepted',
  'delivered', 'dropped', 'bounced', 'complained', 'refused', 'ambiguous', 'lost', 'cancelled', 'expired'));

-- Providers' drops were kept as bounces without a kind; those that also said "hard" can't be told from bounces here.
update ledger.sends set state = 'dropped' where state = 'bounced' and bounce_kind is null;

-- What became of each mail that was tried, as every count of them means it (see leadmill.domain.outcomes).
create view ledger.mail_outcomes as
select s.send_id, s.campaign_id, s.step, s.variant_id, s.lead_id, s.mailbox_id, s.state,
  coalesce(s.accepted_at, s.claimed_at) as sent_at,
  s.accepted_at,
  s.state <> 'refused' as accepted,
  s.state in ('accepted', 'delivered', 'complained') as delivered,
  s.state in ('delivered', 'complained') as confirmed,
  s.state = 'refused' or (s.state = 'bounced' and s.bounce_kind is not distinct from 'hard') as bounced,
  s.state = 'bounced' and s.bounce_kind is not distinct from 'soft' as soft_bounced,
  s.state = 'bounced' and s.bounce_kind is not distinct from 'blocked' as blocked,
  s.state = 'bounced' and s.bounce_kind is distinct from 'hard' as undelivered,
  s.state = 'complained' as complained,
  s.replied_at is not null as replied,
  s.unsubscribed_at is not null as unsubscribed
from ledger.sends s
where s.state in ('accepted', 'delivered', 'bounced', 'complained')
  or (s.state = 'refused' and s.fault = 'address' and coalesce(s.code, '') not like '%refuses-us');

-- The same by mailbox and day, as guardrails, rotation, warm-up and simulation weigh it: what events said of mails accepted on
-- that UTC day, and what was refused at once on the mailbox's own day, since there is no such address.
create view ledger.mailbox_outcomes as
select mailbox_id, day, accepted, accepted as tried, hard_bounced as bounced, blocked, complained, replied
from ledger.mailbox_health
union all
select mailbox_id, day, 0, refused_address, refused_address, 0, 0, 0 from ledger.mailbox_usage where refused_address > 0;

-- What a provider dropped ends its sequence as a dead address does.
create or replace function ledger.ends_sequence(state text, bounce_kind text, ends_on_any_bounce boolean) returns boolean
language sql immutable parallel safe
return state in ('complained', 'dropped')
  or (state = 'bounced' and (ends_on_any_bounce or coalesce(bounce_kind, 'hard') = 'hard'));
