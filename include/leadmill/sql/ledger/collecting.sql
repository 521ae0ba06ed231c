-- name: sends_by_id
-- What does the ledger know of these sends?
select send_id, null::text as provider_message_id, campaign_id, step, lead_id, variant_id, mailbox_id, accepted_at
from ledger.sends where send_id = any(:send_ids::bigint[]);

-- name: sends_by_message
-- Which sends did the providers give these ids?
select send_id, provider_message_id, campaign_id, step, lead_id, variant_id, mailbox_id, accepted_at
from ledger.sends where provider_message_id = any(:message_ids::text[]);

-- name: sends_by_plain_id
-- Which of these ids, which anybody could have written, are sends that a provider surely took, and under which id of its own?
-- Where mail is relayed by SMTP, the server's words are no id that events repeat.
select s.send_id, case when a.provider <> 'smtp' then nullif(s.provider_message_id, '') end as provider_message_id
from ledger.sends s join ledger.mailboxes m using (mailbox_id) join ledger.provider_accounts a using (account_id)
where s.send_id = any(:send_ids::bigint[]) and s.accepted_at is not null;

-- name: latest_sends_of_addresses
-- Which send did each of these people get last, under whatever spelling of their address? For replies whose client dropped
-- the reference.
select distinct on (a.email) a.email, s.send_id
from unnest(:emails::text[]) as a(email)
cross join lateral (
  select lead_id from ledger.leads where email in (a.email, ledger.inbox(a.email))
  union
  select lead_id from ledger.leads where ledger.inbox(email) <> email and ledger.inbox(email) = ledger.inbox(a.email)
) l
join ledger.sends s on s.lead_id = l.lead_id
where s.state in ('accepted', 'delivered', 'complained', 'ambiguous', 'bounced', 'dropped', 'lost')
order by a.email, s.accepted_at desc nulls last, s.send_id desc;

-- name: own_answers
-- Which of these answers did one of our own mailboxes write? Unless it was itself the lead, as in a trial.
select a.place
from unnest(:send_ids::bigint[], :senders::text[]) with ordinality as a(send_id, sender, place)
join ledger.mailboxes m on m.address = a.sender
join ledger.sends s on s.send_id = a.send_id join ledger.leads l on l.lead_id = s.lead_id
where ledger.inbox(l.email) is distinct from ledger.inbox(a.sender);
