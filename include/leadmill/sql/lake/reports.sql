-- name: mail_outcomes
-- What became of accepted mails, by campaign, variant, sending domain and bucket of acceptance? A null parameter limits nothing.
with sent as (
  select s.send_id, s.campaign_id, s.variant_id, s.mailbox_id, s.state, s.replied_at,
    time_bucket(to_hours($bucket_hours::integer), s.accepted_at) as bucket
  from pg.ledger.sends s
  where s.state in ('accepted', 'delivered', 'bounced', 'complained')
    and ($start::timestamptz is null or s.accepted_at >= $start::timestamptz)
    and ($end::timestamptz is null or s.accepted_at < $end::timestamptz)
    and ($campaign_id::bigint is null or s.campaign_id = $campaign_id::bigint)
), came as (
  select send_id,
    bool_or(not machine and kind in ('opened', 'clicked')) as opened,
    bool_or(not machine and kind = 'clicked') as clicked,
    bool_or(machine and kind = 'opened') as machine_opened,
    bool_or(machine and kind = 'clicked') as machine_clicked,
    bool_or(kind = 'unsubscribed') as unsubscribed
  from lake.events
  where kind in ('opened', 'clicked', 'unsubscribed') and send_id in (select send_id from sent)
    -- Clocks differ: an open may be written down as a little older than our acceptance.
    and ($start::timestamptz is null or occurred_at >= $start::timestamptz - interval 1 day)
  group by send_id
)
select sent.campaign_id, sent.variant_id, d.name as domain, sent.bucket, count(*) as accepted,
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
