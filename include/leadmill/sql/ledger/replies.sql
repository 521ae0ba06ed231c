-- name: count_unknown_replies!
-- Which codes did servers answer with that our table does not know, and how often?
insert into ledger.unknown_replies as known (provider, code, replies, first_seen_at, last_seen_at)
select :provider::text, seen.code, seen.replies, :now::timestamptz, :now::timestamptz
from unnest(:codes::text[], :replies::bigint[]) as seen (code, replies)
order by seen.code
on conflict (provider, code) do update
set replies = known.replies + excluded.replies,
    first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at);

-- name: unknown_replies
-- The unknown codes, the latest first.
select provider, code, replies, first_seen_at, last_seen_at
from ledger.unknown_replies
order by last_seen_at desc, provider, code
limit :row_limit::integer;
