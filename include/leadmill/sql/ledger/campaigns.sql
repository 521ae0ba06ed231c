-- name: insert_campaign^
-- Store a new draft; which id did it get?
insert into ledger.campaigns (name, pool_id, segment, timing, send_hour, starts_at, ends_at, track_opens, track_clicks,
  ends_on_any_bounce, fallbacks, blocks, weekdays, skips_holidays, best_of_days, leave_out_replied,
  leave_out_in_sequence, days_apart, ends_on_other_reply, weight, seed, created_by, created_at, updated_at)
values (:name, :pool_id, :segment, :timing, :send_hour, :starts_at, :ends_at, :track_opens, :track_clicks,
  :ends_on_any_bounce, :fallbacks, :blocks, :weekdays::smallint[], :skips_holidays, :best_of_days, :leave_out_replied,
  :leave_out_in_sequence, :days_apart, :ends_on_other_reply, :weight, :seed, :created_by, :as_of, :as_of)
returning campaign_id;

-- name: lock_campaign^
-- What must be known, and held still, before a campaign may change?
select c.name, c.status, c.updated_at, c.planned_at, exists (
    select 1 from ledger.sends s
    where s.campaign_id = c.campaign_id and s.state not in ('planned', 'suppressed', 'cancelled', 'expired')
  ) as has_sent, exists (
    select 1 from ledger.content_reviews r where r.campaign_id = c.campaign_id and r.is_held and r.closed_at is null
  ) as awaits_review
from ledger.campaigns c where c.campaign_id = :campaign_id for update of c;

-- name: update_draft!
-- Put a draft's settings anew.
update ledger.campaigns
set name = :name, pool_id = :pool_id, segment = :segment, timing = :timing, send_hour = :send_hour,
  starts_at = :starts_at, ends_at = :ends_at, track_opens = :track_opens, track_clicks = :track_clicks,
  ends_on_any_bounce = :ends_on_any_bounce, fallbacks = :fallbacks, blocks = :blocks, weekdays = :weekdays::smallint[],
  skips_holidays = :skips_holidays, best_of_days = :best_of_days, leave_out_replied = :leave_out_replied,
  leave_out_in_sequence = :leave_out_in_sequence, days_apart = :days_apart,
  ends_on_other_reply = :ends_on_other_reply, weight = :weight, updated_at = :as_of
where campaign_id = :campaign_id and status = 'draft';

-- name: delete_steps!
-- Empty a draft's sequence, variants with it.
delete from ledger.campaign_steps where campaign_id = :campaign_id;

-- name: insert_step!
-- Add one step.
insert into ledger.campaign_steps (campaign_id, step, delay_days, attachments)
values (:campaign_id, :step, :delay_days, :attachments);

-- name: insert_variant!
-- Add one variant of a step.
insert into ledger.variants (campaign_id, step, label, weight, subject, body_html, body_text)
values (:campaign_id, :step, :label, :weight, :subject, :body_html, :body_text);

-- name: set_status!
-- Move a campaign to another status; approval and finish keep their time.
update ledger.campaigns
set status = :status::text, status_reason = :reason::text, updated_at = :as_of::timestamptz,
  approved_by = case when :status::text = 'approved' and approved_at is null then :actor::text else approved_by end,
  approved_at = case when :status::text = 'approved' then coalesce(approved_at, :as_of::timestamptz)
    else approved_at end,
  finished_at = case when :status::text in ('finished', 'cancelled') then :as_of::timestamptz else finished_at end
where campaign_id = :campaign_id::bigint;

-- name: set_weight!
-- Change a campaign's share of its pool; what it has had so far stands.
update ledger.campaigns set weight = :weight::float8, updated_at = :as_of::timestamptz
where campaign_id = :campaign_id::bigint;

-- name: cancel_planned!
-- Close every send of a cancelled campaign that nobody has claimed.
update ledger.sends set state = 'cancelled', code = 'campaign_cancelled', state_changed_at = :as_of::timestamptz
where campaign_id = :campaign_id::bigint and state = 'planned';

-- name: campaign_detail^
-- One campaign with its pool's name.
select c.*, coalesce(p.name, '') as pool_name
from ledger.campaigns c left join ledger.pools p on p.pool_id = c.pool_id
where c.campaign_id = :campaign_id::bigint;

-- name: campaign_name^
-- What is a campaign called?
select name from ledger.campaigns where campaign_id = :campaign_id::bigint;

-- name: campaign_variants
-- Every step and variant of a campaign, in order.
select st.step, st.delay_days, st.attachments, v.variant_id, v.label, v.weight, v.subject, v.body_html, v.body_text
from ledger.campaign_steps st join ledger.variants v on v.campaign_id = st.campaign_id and v.step = st.step
where st.campaign_id = :campaign_id::bigint order by st.step, v.variant_id;

-- name: campaign_summaries
-- Every campaign that is not deleted, newest first, with its sends by state.
select c.campaign_id, c.name, c.status, coalesce(p.name, '') as pool_name, c.timing, c.starts_at, c.ends_at,
  c.audience_count, c.created_by, c.created_at, c.updated_at, c.status_reason,
  (select count(*) from ledger.campaign_steps st where st.campaign_id = c.campaign_id) as step_count,
  coalesce(n.counts, '{}') as counts
from ledger.campaigns c
left join ledger.pools p on p.pool_id = c.pool_id
left join (
  select campaign_id, jsonb_object_agg(state, sends) as counts
  from (select campaign_id, state, count(*) as sends from ledger.sends group by campaign_id, state) by_state
  group by campaign_id
) n on n.campaign_id = c.campaign_id
where c.status <> 'deleted'
order by c.created_at desc, c.campaign_id desc;

-- name: sends_by_variant
-- How many sends of each step and variant are in which state?
select v.step, v.variant_id, v.label, v.subject, s.state, count(s.send_id) as sends,
  count(s.replied_at) as replied, count(*) filter (where s.state = 'planned' and s.due_at is null) as waiting
from ledger.variants v left join ledger.sends s on s.variant_id = v.variant_id and s.campaign_id = v.campaign_id
where v.campaign_id = :campaign_id::bigint
group by v.step, v.variant_id, v.label, v.subject, s.state
order by v.step, v.variant_id;

-- name: next_due^
-- When is the campaign's next send due?
select min(due_at) as next_due_at from ledger.sends where campaign_id = :campaign_id::bigint and state = 'planned';

-- name: conservation^
-- Do the states of a campaign's sends add up to its audience?
select c.audience_count as audience, c.left_out,
  (select count(distinct s.lead_id) from ledger.sends s where s.campaign_id = c.campaign_id) as planned_leads,
  (select count(*) from ledger.campaign_steps st where st.campaign_id = c.campaign_id) as steps,
  coalesce((select jsonb_object_agg(state, sends) from (
    select s.state, count(*) as sends from ledger.sends s where s.campaign_id = c.campaign_id group by s.state
  ) by_state), '{}') as by_state
from ledger.campaigns c where c.campaign_id = :campaign_id::bigint;
