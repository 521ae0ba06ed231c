"""Mailboxes and sending domains of a simulated run, with what became of their mails."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from leadmill.domain.guardrails import EVIDENCE_DAYS, DayOfMail, Health
from leadmill.domain.mailboxes import Mailbox, SenderStatus
from leadmill.domain.warm_up import WarmUp


@dataclass(slots=True)
class SimulatedMailbox:
    """A mailbox and what became of its mails; `since` is the day of its last release."""

    setup: Mailbox
    warm_up: WarmUp | None
    clean_days: int | None = None
    stopped_by: str = ""
    is_warned: bool = False
    back_on: date | None = None
    since: date = date.min
    accepted: int = 0
    taken: int = 0
    log: list[tuple[date, Health]] = field(default_factory=list)

    def health(self, day: date, days: int, *, since: date) -> Health:
        """Its mails of the last days, none from before `since`."""
        first = max(day - timedelta(days=days), since)
        sent = bounced = blocked = complained = 0
        for at, what in reversed(self.log):
            if at < first:
                break
            sent += what.sent
            bounced += what.hard_bounced
            blocked += what.blocked
            complained += what.complained
        return Health(sent, bounced, blocked, complained)

    def days_of_mail(self, day: date) -> list[DayOfMail]:
        """Its mails day by day since its last release, for the sequential test."""
        first = max(day - timedelta(days=EVIDENCE_DAYS), self.since)
        return [DayOfMail(what.sent, what.hard_bounced) for at, what in self.log if at >= first]


@dataclass(slots=True)
class SimulatedDomain:
    """A sending domain: its mailboxes, and when it is back."""

    boxes: list[SimulatedMailbox]
    status: SenderStatus = SenderStatus.ACTIVE
    back_on: date | None = None
    is_warned: bool = False


def start_of(mailbox: Mailbox) -> WarmUp | None:
    """Where a mailbox's warm-up stands: given, at its start, or none."""
    return mailbox.warm_up or (None if mailbox.warm_up_started_on is None else WarmUp())
