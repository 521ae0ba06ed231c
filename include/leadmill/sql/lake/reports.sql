-- name: mail_outcomes
-- What became of mails, by campaign, variant, sending domain and bucket of time? A null parameter limits nothing.
with sent as (
  select *, time_bucket(to_hours($bucket_hours::integer), sent_at) as bucket
  from pg.ledger.mail_outcomes
  where ($start::timestamptz is null or sent_at >= $start::timestamptz)
    and ($end::timestamptz is null or sent_at < $end::timestamptz)
    and ($campaign_id::bigint is null or campaign_id = $campaign_id::bigint)
)
select sent.campaign_id, sent.variant_id, d.name as domain, sent.bucket, count(*) as tried,
  count(*) filter (sent.accepted) as accepted,
  count(*) filter (sent.delivered) as delivered,
  count(*) filter (sent.confirmed) as confirmed,
  count(*) filter (sent.bounced) as bounced,
  count(*) filter (sent.undelivered) as undelivered,
  count(*) filter (sent.complained) as complained,
  count(*) filter (came.unsubscribed) as unsubscribed,
  count(came.opened_at) as opened,
  count(came.clicked_at) as clicked,
  count(*) filter (sent.replied) as replied,
  count(*) filter (came.machine_opened and came.opened_at is null) as machine_opened,
  count(*) filter (came.machine_clicked and came.clicked_at is null) as machine_clicked
from sent
-- Clocks differ: an open may be written down as a little older than our acceptance.
left join touches($start::timestamptz - interval 1 day, null, $campaign_id::bigint) came using (send_id)
join pg.ledger.mailboxes m using (mailbox_id)
join pg.ledger.sending_domains d using (domain_id)
group by all
order by sent.bucket, d.name;
