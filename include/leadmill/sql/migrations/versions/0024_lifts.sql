-- A refusal to take our mail that is older than a lift was forgiven by it, as what events say.

-- The last word about each person: an erasure is final; an event from before a lift was forgiven by it, however late its
-- word was written down.
create or replace view ledger.last_wishes as
select distinct on (i.who) i.who, i.word, i.reason, i.inbox, i.at, i.place
from ledger.incoming_wishes i
left join (select who, max(at) as lifted_at from ledger.incoming_wishes where word = 'lifted' group by who) lifts
  on lifts.who = i.who
where i.who is not null and i.word in ('suppressed', 'lifted', 'erased')
  and (i.word <> 'suppressed' or i.reason not in ('hard_bounced', 'refuses_us', 'unsubscribed', 'complained')
    or lifts.lifted_at is null or i.at > lifts.lifted_at)
order by i.who, i.word = 'erased' desc, i.place desc;
