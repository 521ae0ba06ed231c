-- name: add_first_user
-- Add the first administrator, where the ledger has no user at all; the row's id, or no row.
insert into ledger.users (email, full_name, role, password_hash, created_at)
select :email::text, :full_name::text, :role::text, :password_hash::text, :as_of::timestamptz
where not exists (select 1 from ledger.users)
on conflict (email) do nothing
returning user_id;

-- name: add_user
-- Add a user; no row where the address already has one.
insert into ledger.users (email, full_name, role, password_hash, created_at)
values (:email, :full_name, :role, :password_hash, :as_of)
on conflict (email) do nothing
returning user_id;

-- name: credentials_by_email
-- What is logging in with this address decided by?
select user_id, email, password_hash, is_active, locked_until from ledger.users where email = :email;

-- name: credentials_by_id
-- What is proving this user's identity decided by?
select user_id, email, password_hash, is_active, locked_until from ledger.users where user_id = :user_id;

-- name: record_failed_login!
-- Count a wrong password; the last one permitted locks the account and starts the count anew.
update ledger.users
set failed_logins = case when failed_logins + 1 >= :max_failures::integer then 0 else failed_logins + 1 end,
  locked_until = case when failed_logins + 1 >= :max_failures::integer then :locked_until::timestamptz else locked_until end
where user_id = :user_id;

-- name: forget_failed_logins!
-- The right password was given: start counting anew.
update ledger.users set failed_logins = 0, locked_until = null
where user_id = :user_id and (failed_logins > 0 or locked_until is not null);

-- name: list_users
-- Who are the users, and when did each last log in?
select u.user_id, u.email, u.full_name, u.role, u.is_active, u.locked_until, u.created_at,
  max(s.created_at) as last_session_at
from ledger.users u left join ledger.sessions s using (user_id)
group by u.user_id
order by u.email;

-- name: lock_administrators
-- Which active administrators are there? Locked, so that two of them can't demote each other at once.
select user_id from ledger.users where role = 'admin' and is_active order by user_id for update;

-- name: change_role
-- Give a user another role; no row where there is no such user.
update ledger.users set role = :role where user_id = :user_id returning email;

-- name: set_active
-- Deactivate or reactivate a user; no row where there is no such user.
update ledger.users set is_active = :is_active, failed_logins = 0, locked_until = null
where user_id = :user_id returning email;

-- name: change_password
-- Replace a user's password; no row where there is no such user.
update ledger.users set password_hash = :password_hash, failed_logins = 0, locked_until = null
where user_id = :user_id returning email;

-- name: withdraw_open_invitations!
-- An address has at most one open invitation: end those before.
update ledger.invitations set expires_at = :as_of
where email = :email and accepted_at is null and expires_at > :as_of;

-- name: add_invitation
-- Add an invitation, unless the address has a user.
insert into ledger.invitations (email, role, token_hash, invited_by, created_at, expires_at)
select :email::text, :role::text, :token_hash::bytea, :invited_by::text, :as_of::timestamptz, :expires_at::timestamptz
where not exists (select 1 from ledger.users where email = :email::text)
returning invitation_id;

-- name: open_invitations
-- Which invitations still work?
select invitation_id, email, role, invited_by, created_at, expires_at from ledger.invitations
where accepted_at is null and expires_at > :as_of
order by created_at desc, invitation_id desc;

-- name: find_invitation
-- Which open invitation has this token?
select invitation_id, email, role, invited_by, created_at, expires_at from ledger.invitations
where token_hash = :token_hash and accepted_at is null and expires_at > :as_of;

-- name: accept_invitation
-- Mark an open invitation as accepted; the second to try gets no row.
update ledger.invitations set accepted_at = :as_of
where token_hash = :token_hash and accepted_at is null and expires_at > :as_of
returning invitation_id, email, role, invited_by;

-- name: withdraw_invitation
-- End an open invitation; no row where it is not open.
update ledger.invitations set expires_at = :as_of
where invitation_id = :invitation_id and accepted_at is null and expires_at > :as_of
returning email, role;

-- name: open_session!
-- Begin a session.
insert into ledger.sessions (session_id, user_id, created_at, expires_at)
values (:session_id, :user_id, :as_of, :expires_at);

-- name: session_holder
-- Whose session is this, where it is still good?
select u.user_id, s.session_id, u.full_name, u.email, u.role
from ledger.sessions s join ledger.users u using (user_id)
where s.session_id = :session_id and s.revoked_at is null and s.expires_at > :as_of and u.is_active;

-- name: revoke_session!
-- End one session.
update ledger.sessions set revoked_at = :as_of where session_id = :session_id and revoked_at is null;

-- name: revoke_sessions_of
-- End every open session of a user.
update ledger.sessions set revoked_at = :as_of
where user_id = :user_id and revoked_at is null and expires_at > :as_of
returning session_id;
