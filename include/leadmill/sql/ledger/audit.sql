-- name: record_audit!
-- Write one line of the audit log.
insert into ledger.audit_log (at, actor, action, subject_kind, subject_id, reason, details)
values (:at, :actor, :action, :subject_kind, :subject_id, :reason, :details);

-- name: recent_audit_entries
-- Who did what of late? Newest first, about one kind of subject where one is named.
select audit_id, at, actor, action, subject_kind, subject_id, reason, details
from ledger.audit_log
where :subject_kind::text = '' or subject_kind = :subject_kind::text
order by audit_id desc
limit :limit::integer;

-- name: audit_subject_kinds
-- What kinds of subjects does the log tell of?
select distinct subject_kind from ledger.audit_log order by subject_kind;
