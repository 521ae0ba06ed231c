-- name: take_turns!
-- Move campaigns on by the mails that a claim took for them for the first time, and their pools as far as the last first mail
-- that went; what other campaigns' first mails are owed grows with follow-ups. The claim holds the pools.
with served as materialized (
  select c.campaign_id, c.pool_id, c.weight, u.first_mails, u.follow_ups, u.most_ahead,
    greatest(t.turn, pt.turn, 0) as turn, coalesce(pt.turn, 0) as pool_turn, coalesce(pt.owed, 0) as owed
  from unnest(:campaign_ids::bigint[], :first_mails::integer[], :follow_ups::integer[], :most_aheads::float8[])
    as u(campaign_id, first_mails, follow_ups, most_ahead)
  join ledger.campaigns c on c.campaign_id = u.campaign_id
  left join ledger.pool_turns pt on pt.pool_id = c.pool_id
  left join ledger.campaign_turns t on t.campaign_id = c.campaign_id
), pools as materialized (
  select pool_id, max(case when first_mails > 0 then turn + (first_mails - 1) / weight else pool_turn end) as turn,
    greatest(0, least(1, max(owed) + sum(follow_ups) * :others_share::float8 / (1 - :others_share::float8)
      - sum(first_mails))) as owed
  from served group by pool_id
), campaigns as (
  insert into ledger.campaign_turns (campaign_id, turn)
  select s.campaign_id, s.turn + (s.first_mails
    + greatest(0, least(s.follow_ups, s.most_ahead - (s.turn - p.turn) * s.weight - s.first_mails))) / s.weight
  from served s join pools p on p.pool_id = s.pool_id
  on conflict (campaign_id) do update set turn = excluded.turn
)
insert into ledger.pool_turns (pool_id, turn, owed)
select pool_id, turn, owed from pools
on conflict (pool_id) do update set turn = excluded.turn, owed = excluded.owed;
