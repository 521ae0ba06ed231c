-- name: define_touches!
-- What did people and machines do with each mail, by the events of a time? The one definition for reports, scores and hours.
create or replace macro touches(since, until, campaign) as table
select send_id, any_value(lead_id) as lead_id,
  min(occurred_at) filter (kind in ('opened', 'clicked') and not machine) as opened_at, -- a click proves an open
  min(occurred_at) filter (kind = 'clicked' and not machine) as clicked_at,
  min(occurred_at) filter (kind = 'replied' and not machine) as replied_at,
  bool_or(machine and kind = 'opened') as machine_opened,
  bool_or(machine and kind = 'clicked') as machine_clicked,
  bool_or(kind = 'auto_replied') as auto_replied,
  bool_or(kind = 'unsubscribed') as unsubscribed,
  bool_or(kind = 'complained') as complained,
  bool_or(kind in ('complained', 'unsubscribed', 'opted_out_before')) as opted_out,
  min(occurred_at) filter (kind = 'delivered') as confirmed_at,
  max(occurred_at) filter (kind = 'bounced' and bounce_kind = 'soft') as soft_bounced_at,
  bool_or(kind = 'bounced' and bounce_kind = 'hard') as hard_bounced,
  bool_or(kind in ('bounced', 'rejected')) as failed
from lake.events
where send_id is not null and (since is null or occurred_at > since) and (campaign is null or coalesce(campaign_id, campaign) = campaign)
  -- Both clocks: what happened later, and what had happened but was not known yet, stay unseen.
  and (until is null or (occurred_at <= until and collected_at <= until))
group by send_id;
