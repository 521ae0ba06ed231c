"""Read who did what: an administrator's business, since the log names people."""

from __future__ import annotations

from collections.abc import Sequence

from leadmill.domain.access import Actor, Role
from leadmill.ports.audit import AuditEntry, AuditLog

MOST_ENTRIES = 1000
"""What a page can show at once."""


def read_audit_log(actor: Actor, *, limit: int, subject_kind: str, log: AuditLog) -> Sequence[AuditEntry]:
    """The newest entries, newest first, at most 1,000; of one kind of subject where one is named.

    Raises:
        NotAllowed: The actor is no administrator.
    """
    actor.require(Role.ADMIN, to="read the audit log")
    return log.entries(limit=max(0, min(limit, MOST_ENTRIES)), subject_kind=subject_kind)


def audited_kinds(actor: Actor, *, log: AuditLog) -> Sequence[str]:
    """The kinds of subjects that the log tells of. Raises `NotAllowed`."""
    actor.require(Role.ADMIN, to="read the audit log")
    return log.subject_kinds()
