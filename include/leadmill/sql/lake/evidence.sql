-- name: batches_after
-- Which batches came after a position, with how many events and when they were read?
select batch, sum(event_count)::bigint as events, min(read_at) as first_read_at, max(read_at) as last_read_at
from lake.read_objects where batch > $position group by batch order by batch limit 200;

-- name: collect_evidence!
-- The events of a run of batches, with what each kind proves.
create or replace temp table proof as
select e.event_id, e.send_id, e.kind, e.bounce_kind, e.occurred_at, k.state, k.state_rank,
  coalesce(e.is_signed, false) as is_signed
from lake.events e
join proving_kinds k on k.kind = e.kind
where e.send_id is not null and e.collected_at between $first_read_at and $last_read_at
  and e.raw_object in (select object_key from lake.read_objects where batch > $position and batch <= $upto);

-- name: send_evidence
-- What do they prove for each send? The highest rank counts, since its earliest event; the gravest bounce.
select send_id, arg_max(state, state_rank) as state, max(state_rank)::smallint as state_rank,
  min(occurred_at) filter (where state_rank = top_rank) as happened_at, min(occurred_at) as first_at,
  arg_max(bounce_kind, case bounce_kind when 'hard' then 4 when 'blocked' then 3 when 'refuses_us' then 2 when 'soft' then 1 end)
    filter (where kind = 'bounced') as bounce_kind,
  min(occurred_at) filter (where kind = 'replied') as replied_at,
  min(occurred_at) filter (where kind = 'unsubscribed') as unsubscribed_at, bool_or(is_signed) as is_signed
from (select *, max(state_rank) over (partition by send_id) as top_rank from proof)
group by send_id order by send_id;

-- name: suppression_evidence
-- Who must be left alone, and by which event? The earliest of each reason; never on soft, blocked, delayed, automatic.
-- The latest tells whether they said it again after they had come back.
select send_id, reason, min(occurred_at) as happened_at, arg_min(event_id, (occurred_at, event_id)) as event_id,
  max(occurred_at) as last_at, bool_or(is_signed) as is_signed
from (
  select *, case when kind = 'complained' then 'complained' when kind in ('unsubscribed', 'opted_out_before') then 'unsubscribed'
    when kind in ('bounced', 'rejected') and bounce_kind = 'hard' then 'hard_bounced'
    when kind = 'bounced' and bounce_kind = 'refuses_us' then 'refuses_us' end as reason from proof)
where reason is not null group by send_id, reason order by send_id, reason;

-- name: latest_batch
-- Which batch was read last, of all or of those before a moment?
select coalesce(max(batch), 0) from lake.read_objects where $before is null or read_at < $before;
