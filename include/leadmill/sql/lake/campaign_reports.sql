-- name: outcomes_by_campaign
-- What became of each campaign's accepted mails?
with sent as (
  select s.send_id, s.campaign_id, s.state, s.replied_at
  from pg.ledger.sends s join pg.ledger.campaigns c on c.campaign_id = s.campaign_id
  where s.state in ('accepted', 'delivered', 'bounced', 'complained') and c.status <> 'deleted'
), came as (
  select send_id,
    bool_or(kind in ('opened', 'clicked') and not machine) as opened,
    bool_or(kind = 'clicked' and not machine) as clicked,
    bool_or(kind = 'opened' and machine) as machine_opened,
    bool_or(kind = 'clicked' and machine) as machine_clicked,
    bool_or(kind = 'unsubscribed') as unsubscribed
  from lake.events
  where send_id in (select send_id from sent) and kind in ('opened', 'clicked', 'unsubscribed')
  group by send_id
)
select sent.campaign_id, count(*) as accepted,
  count(*) filter (sent.state in ('delivered', 'complained')) as delivered,
  count(*) filter (sent.state = 'bounced') as bounced,
  count(*) filter (sent.state = 'complained') as complained,
  count(*) filter (came.unsubscribed) as unsubscribed,
  count(*) filter (came.opened) as opened,
  count(*) filter (came.clicked) as clicked,
  count(*) filter (sent.replied_at is not null) as replied,
  count(*) filter (came.machine_opened and not coalesce(came.opened, false)) as machine_opened,
  count(*) filter (came.machine_clicked and not coalesce(came.clicked, false)) as machine_clicked
from sent left join came using (send_id)
group by sent.campaign_id;

-- name: outcomes_by_variant
-- What became of one campaign's accepted mails, by variant?
with sent as (
  select s.send_id, s.variant_id, s.state, s.replied_at
  from pg.ledger.sends s
  where s.campaign_id = $campaign_id::bigint and s.state in ('accepted', 'delivered', 'bounced', 'complained')
), came as (
  select send_id,
    bool_or(kind in ('opened', 'clicked') and not machine) as opened,
    bool_or(kind = 'clicked' and not machine) as clicked,
    bool_or(kind = 'opened' and machine) as machine_opened,
    bool_or(kind = 'clicked' and machine) as machine_clicked,
    bool_or(kind = 'unsubscribed') as unsubscribed
  from lake.events
  where send_id in (select send_id from sent) and kind in ('opened', 'clicked', 'unsubscribed')
  group by send_id
)
select sent.variant_id, count(*) as accepted,
  count(*) filter (sent.state in ('delivered', 'complained')) as delivered,
  count(*) filter (sent.state = 'bounced') as bounced,
  count(*) filter (sent.state = 'complained') as complained,
  count(*) filter (came.unsubscribed) as unsubscribed,
  count(*) filter (came.opened) as opened,
  count(*) filter (came.clicked) as clicked,
  count(*) filter (sent.replied_at is not null) as replied,
  count(*) filter (came.machine_opened and not coalesce(came.opened, false)) as machine_opened,
  count(*) filter (came.machine_clicked and not coalesce(came.clicked, false)) as machine_clicked
from sent left join came using (send_id)
group by sent.variant_id;
