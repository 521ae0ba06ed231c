-- name: record_audit!
-- Write one line of the audit log.
insert into ledger.audit_log (at, actor, action, subject_kind, subject_id, reason, details)
values (:at, :actor, :action, :subject_kind, :subject_id, :reason, :details);
