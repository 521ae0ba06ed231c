-- name: outcomes_of_accepted_mails
-- What became of the mails accepted in a period, by bucket of acceptance and sending domain?
with sent as (
  select s.send_id, s.mailbox_id, s.state, s.replied_at,
    time_bucket(to_hours($bucket_hours::integer), s.accepted_at) as bucket
  from pg.ledger.sends s
  where s.accepted_at >= $start::timestamptz and s.accepted_at < $end::timestamptz
    and s.state in ('accepted', 'delivered', 'bounced', 'complained')
    and ($campaign_id::bigint is null or s.campaign_id = $campaign_id::bigint)
), came as (
  select send_id,
    bool_or(kind in ('opened', 'clicked') and not machine) as opened,
    bool_or(kind = 'clicked' and not machine) as clicked,
    bool_or(kind = 'opened' and machine) as machine_opened,
    bool_or(kind = 'clicked' and machine) as machine_clicked,
    bool_or(kind = 'unsubscribed') as unsubscribed
  from lake.events
  where occurred_at >= $start::timestamptz - interval 1 day and send_id is not null
  group by send_id
)
select sent.bucket, d.name as domain, count(*) as accepted,
  count(*) filter (sent.state in ('delivered', 'complained')) as delivered,
  count(*) filter (sent.state = 'bounced') as bounced,
  count(*) filter (sent.state = 'complained') as complained,
  count(*) filter (came.unsubscribed) as unsubscribed,
  count(*) filter (came.opened) as opened,
  count(*) filter (came.clicked) as clicked,
  count(*) filter (sent.replied_at is not null) as replied,
  count(*) filter (came.machine_opened and not came.opened) as machine_opened,
  count(*) filter (came.machine_clicked and not came.clicked) as machine_clicked
from sent
left join came using (send_id)
join pg.ledger.mailboxes m using (mailbox_id)
join pg.ledger.sending_domains d using (domain_id)
group by all
order by sent.bucket, d.name;
