-- name: keep_key_check!
-- Remember at the first run what the secret key makes of a constant.
insert into ledger.installation (key_check, created_at) values (:key_check::bytea, :as_of::timestamptz)
on conflict (only_row) do nothing;

-- name: key_check
-- What did the secret key of the first run make of that constant?
select key_check from ledger.installation;
