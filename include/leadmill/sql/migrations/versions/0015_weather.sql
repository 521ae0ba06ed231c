-- Servers that say "later" to everything, and recipients who take no mail from outside.

alter table ledger.mailboxes
  add column put_off_since timestamptz,       -- its server takes nothing since then; null: it works
  add column put_off_until timestamptz,       -- the next try
  add column put_off_count smallint not null default 0 check (put_off_count >= 0), -- waits in a row; 0: asked once to go slower
  add column put_off_reply text not null default '',  -- code and our words, never the server's text
  add column refused_in_a_row smallint not null default 0 check (refused_in_a_row >= 0),
  add column refused_send_id bigint;          -- the last mail of that row
alter table ledger.provider_accounts
  add column put_off_since timestamptz,       -- the same of an API, which answers for the whole account
  add column put_off_until timestamptz,
  add column put_off_count smallint not null default 0 check (put_off_count >= 0),
  add column put_off_reply text not null default '';

-- A recipient who takes no mail from us is left out, and counts as no bounce.
alter table ledger.suppressions drop constraint suppressions_reason_check;
alter table ledger.suppressions add constraint suppressions_reason_check
  check (reason in ('unsubscribed', 'complained', 'hard_bounced', 'refuses_us', 'manual', 'erased', 'imported'));
alter table ledger.sends drop constraint sends_bounce_kind_check;
alter table ledger.sends add constraint sends_bounce_kind_check
  check (bounce_kind in ('hard', 'soft', 'blocked', 'refuses_us'));

-- Inboxes of persons who must be left alone, under whatever alias; what a server says speaks of its one address only.
create or replace view ledger.barred_inboxes as
select ledger.inbox(email) as inbox, min(reason) as reason
from ledger.suppressions where email is not null and reason <> 'hard_bounced' and reason <> 'refuses_us'
group by ledger.inbox(email);
