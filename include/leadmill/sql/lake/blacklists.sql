-- name: insert_checks!
-- Keep one run's verdicts; those of a run that is already there are not added again.
insert into lake.blacklist_checks (subject, subject_kind, zone, outcome, answer, checked_at)
with run as (
  select unnest(:subjects::varchar[]) as subject, unnest(:kinds::varchar[]) as subject_kind,
         unnest(:zones::varchar[]) as zone, unnest(:outcomes::varchar[]) as outcome,
         unnest(:answers::varchar[]) as answer
)
select run.*, :as_of::timestamptz
from run
anti join (select subject, zone from lake.blacklist_checks where checked_at = :as_of::timestamptz) done
  using (subject, zone);

-- name: checks_of_subject
-- How one subject stood on each list since a time: every check that differs from the one before.
select zone, outcome, answer, checked_at
from lake.blacklist_checks
where subject = :subject::varchar and checked_at >= :since::timestamptz
qualify outcome is distinct from lag(outcome) over (partition by zone order by checked_at)
order by checked_at desc, zone;
