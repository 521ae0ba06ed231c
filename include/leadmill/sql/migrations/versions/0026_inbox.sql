-- An inbox is asked for with every claimed send: most addresses are their own, and that is seen in a third of the time.
create or replace function ledger.inbox(email text) returns text language sql immutable parallel safe
return case when email not like '%+%' and split_part(email, '@', 2) not in ('gmail.com', 'googlemail.com') then email
  when split_part(email, '@', 2) in ('gmail.com', 'googlemail.com')
  then replace(left(email, 1) || split_part(split_part(substr(email, 2), '@', 1), '+', 1), '.', '') || '@gmail.com'
  else left(email, 1) || split_part(split_part(substr(email, 2), '@', 1), '+', 1) || '@' || split_part(email, '@', 2) end;
reindex index ledger.suppressions_inbox;
