-- name: upsert_seed
-- Add a seed inbox, or bring the one of that address up to date.
insert into ledger.seed_inboxes (address, provider_family, imap_host, imap_port, tls, user_name, secret_ref, is_active,
  created_at)
values (:address::text, :provider_family::text, :imap_host::text, :imap_port::integer, :tls::text, :user_name::text,
  :secret_ref::text, :is_active::boolean, :as_of::timestamptz)
on conflict (address) do update set provider_family = excluded.provider_family, imap_host = excluded.imap_host,
  imap_port = excluded.imap_port, tls = excluded.tls, user_name = excluded.user_name, secret_ref = excluded.secret_ref,
  is_active = excluded.is_active, read_error = ''
returning seed_id as id, xmax = 0 as is_new;

-- name: seeds
-- Which seed inboxes are there, and could they be read?
select seed_id, address, provider_family, imap_host, imap_port, tls, user_name, secret_ref, is_active, read_at, read_error
from ledger.seed_inboxes order by provider_family, address;

-- name: plan_tests
-- Give each mailbox that had no test on its day the seed inbox that it wrote to longest ago.
insert into ledger.placement_tests (mailbox_id, seed_id, day, token, claimed_at)
select m.mailbox_id, s.seed_id, m.day, replace(gen_random_uuid()::text, '-', ''), :now::timestamptz
from unnest(:mailbox_ids::bigint[], :days::date[]) as m(mailbox_id, day)
cross join lateral (
  select i.seed_id from ledger.seed_inboxes i
  left join (
    select seed_id, max(claimed_at) as last from ledger.placement_tests where mailbox_id = m.mailbox_id group by seed_id
  ) t using (seed_id)
  where i.is_active and (:family::text = '' or i.provider_family = :family::text)
  order by t.last nulls first, hashint8(i.seed_id * 7919 + m.mailbox_id), i.seed_id limit 1
) s
on conflict (mailbox_id, day) do nothing
returning test_id, mailbox_id, seed_id, token,
  (select address from ledger.seed_inboxes i where i.seed_id = placement_tests.seed_id) as seed_address;

-- name: record_tests!
-- Write what the providers said of test mails; what was accepted counts as the mailbox's mail.
with said as (
  update ledger.placement_tests t set state = r.state, code = r.code
  from unnest(:test_ids::bigint[], :states::text[], :codes::text[]) as r(test_id, state, code)
  where t.test_id = r.test_id and t.state = 'claimed'
  returning t.mailbox_id, t.day, t.state
)
update ledger.mailbox_usage u set accepted = u.accepted + (said.state = 'sent')::integer,
  refused = u.refused + (said.state = 'refused')::integer
from said where u.mailbox_id = said.mailbox_id and u.day = said.day;

-- name: open_tests
-- Which test mails were not found yet, by seed inbox? Those that went out since then.
select test_id, seed_id, token, state, claimed_at from ledger.placement_tests
where placement is null and state <> 'refused' and claimed_at > :since::timestamptz
order by seed_id, test_id;

-- name: place_tests!
-- Write where test mails lay, or that they never came; the first answer stays.
update ledger.placement_tests t set placement = r.placement, folder = r.folder, found_at = :as_of::timestamptz
from unnest(:test_ids::bigint[], :placements::text[], :folders::text[]) as r(test_id, placement, folder)
where t.test_id = r.test_id and t.placement is null;

-- name: seed_read!
-- Remember that a seed inbox was looked at, and why that failed if it did.
update ledger.seed_inboxes set read_at = case when :error::text = '' then :as_of::timestamptz else read_at end,
  read_error = :error::text
where seed_id = :seed_id::bigint;

-- name: placements
-- Where did each mailbox's test mails land, by the family of providers?
select m.address as mailbox, i.provider_family,
  count(*) filter (where t.placement = 'inbox')::integer as inbox,
  count(*) filter (where t.placement = 'spam')::integer as spam,
  count(*) filter (where t.placement = 'elsewhere')::integer as elsewhere,
  count(*) filter (where t.placement = 'missing')::integer as missing,
  count(*) filter (where t.placement is null and t.state <> 'refused')::integer as waiting,
  count(*) filter (where t.state = 'refused')::integer as refused
from ledger.placement_tests t
join ledger.mailboxes m using (mailbox_id) join ledger.seed_inboxes i using (seed_id)
where t.claimed_at >= :since::timestamptz
group by m.address, i.provider_family order by m.address, i.provider_family;

-- name: recent_tests
-- Which test mails went out lately, and where did they land? The newest first.
select t.test_id, m.address as mailbox, i.address as seed, i.provider_family, t.claimed_at, t.state, t.code,
  coalesce(t.placement, '') as placement, t.folder, t.found_at
from ledger.placement_tests t
join ledger.mailboxes m using (mailbox_id) join ledger.seed_inboxes i using (seed_id)
where t.claimed_at >= :since::timestamptz
order by t.claimed_at desc, t.test_id desc limit :row_limit::integer;

-- name: sending_lanes
-- Which provider accounts may send?
select name from ledger.provider_accounts where status = 'active' order by name;

-- name: drop_tests!
-- Take test mails back that did not go out.
delete from ledger.placement_tests where test_id = any(:test_ids::bigint[]) and state = 'claimed';
