"""Check that nobody is lost and no limit's books run short; tell people where that fails, and when it holds again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from leadmill.domain.conservation import REPAIRABLE, Fault, campaign_faults, mailbox_fault
from leadmill.ports.alerts import CheckAlerts, Severity
from leadmill.ports.conservation import Books, ConservationLedger

ALERT_KIND = "conservation"


@dataclass(frozen=True, slots=True)
class ConservationOutcome:
    """What the check found: campaigns looked at, breaches by what they concern, entries of the queue made anew."""

    campaigns: int
    faults: int
    repaired: int
    resolved: int


@dataclass(frozen=True, slots=True)
class _Finding:
    key: str
    subject: str
    faults: tuple[Fault, ...]


def check_conservation(ledger: ConservationLedger, alerts: CheckAlerts, *, as_of: datetime) -> ConservationOutcome:
    """Read the books in one snapshot, raise one alert for each campaign or mailbox that breaks the law, mend the queue.

    An alert closes by itself at the first check that finds its campaign or mailbox in order again. A breach that the
    check mended is a warning: it says that something writes sends past the ledger's triggers.
    """
    books = ledger.books(as_of=as_of)
    findings = list(_findings(books))
    for finding in findings:
        alerts.raise_alert(
            kind=ALERT_KIND,
            severity=_severity(finding.faults),
            subject=finding.subject,
            message=_message(finding),
            dedupe_key=finding.key,
            as_of=as_of,
        )
    resolved = alerts.resolve_others(ALERT_KIND, [finding.key for finding in findings], as_of=as_of)
    repairable = any(fault.breach in REPAIRABLE for finding in findings for fault in finding.faults)
    return ConservationOutcome(
        campaigns=len(books.campaigns),
        faults=sum(len(finding.faults) for finding in findings),
        repaired=ledger.repair() if repairable else 0,
        resolved=resolved,
    )


def _findings(books: Books) -> Iterator[_Finding]:
    for campaign in books.campaigns:
        if faults := tuple(campaign_faults(campaign)):
            subject = f"campaign “{campaign.name}”"
            yield _Finding(f"{ALERT_KIND}:campaign:{campaign.campaign_id}", subject, faults)
    for mailbox in books.mailboxes:
        if fault := mailbox_fault(mailbox):
            yield _Finding(f"{ALERT_KIND}:mailbox:{mailbox.mailbox_id}:{mailbox.day}", mailbox.address, (fault,))


def _severity(faults: Iterable[Fault]) -> Severity:
    return "warning" if all(fault.breach in REPAIRABLE for fault in faults) else "critical"


def _message(finding: _Finding) -> str:
    return " ".join(fault.sentence[0].upper() + fault.sentence[1:] for fault in finding.faults)
