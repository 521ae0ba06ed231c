"""The audit log as its readers see it. Writing it is part of each change's own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when and why; `actor` is a user's address or `system`."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    reason: str
    details: Mapping[str, object]


class AuditLog(Protocol):
    """Reads the audit log."""

    def entries(self, *, limit: int, subject_kind: str = "") -> Sequence[AuditEntry]:
        """The newest entries, newest first; of one kind of subject where one is named."""
        ...

    def subject_kinds(self) -> Sequence[str]:
        """The kinds of subjects that the log tells of."""
        ...


class AuditTrail(Protocol):
    """Writes a line of the audit log for something that changes no row of its own, such as a download."""

    def record(
        self,
        actor: Actor,
        action: str,
        subject: tuple[str, object],
        *,
        at: datetime,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Keep who did what, when."""
        ...
