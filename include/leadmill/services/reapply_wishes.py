"""Bring a ledger, restored from an older copy, back to the last word of everybody and about every sender."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from leadmill.domain.access import SYSTEM
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.mailboxes import SenderStatus
from leadmill.errors import Conflict
from leadmill.ports.alerts import Alerts
from leadmill.ports.campaigns import CampaignLedger
from leadmill.ports.mailboxes import SenderRegistry, StatusChange
from leadmill.ports.wishes import StoppedSubject, WishLedger, WishLog
from leadmill.services.log_wishes import hand_on_wishes

CAUGHT_UP_ALERT_KEY = "wishes_came_back"
_A_DAY = timedelta(days=1)
REASON = "it was stopped before an older copy of the ledger was restored; release it when you know why"


@dataclass(frozen=True, slots=True)
class ReapplyPorts:
    """Where the wishes lie, and what they are applied to."""

    log: WishLog
    ledger: WishLedger
    registry: SenderRegistry
    campaigns: CampaignLedger


def reapply_wishes(ports: ReapplyPorts, *, as_of: datetime, since: date | None = None) -> dict[str, int]:
    """Suppress, lift, erase and stop again by the last word about each; twice is the same as once.

    First what waits in the ledger goes into the store, so that nothing newer is undone. A pause comes back unless its
    last word is a release; a release of something that this copy holds paused is left to a person.

    Args:
        ports: Log, ledgers.
        as_of: When the change counts as made, aware UTC.
        since: Read the log from this day (UTC) on; all of it by default.

    Returns:
        Counts: `read` lines, `unreadable` ones, people `suppressed`, `lifted` and `erased`, and `stopped` mailboxes,
        domains, accounts and campaigns. What was so already is not counted.

    Raises:
        StoreUnavailable: The store did not answer; nothing was applied.
    """
    hand_on_wishes(ports.ledger, ports.log, wait=True)
    known = ports.ledger.logged_through()
    logged = ports.log.wishes(since=since)
    done = ports.ledger.reapply(logged.wishes, as_of=as_of)
    stopped = sum(_stop_again(ports, subject, as_of) for subject in done.stopped)
    if logged.through and (since is None or (known and since <= known.date())):
        ports.ledger.note_read(logged.through)
    return {
        "read": len(logged.wishes),
        "unreadable": logged.unreadable,
        "suppressed": done.suppressed,
        "lifted": done.lifted,
        "erased": done.erased,
        "stopped": stopped,
    }


def catch_up_with_wishes(ports: ReapplyPorts, alerts: Alerts, *, as_of: datetime) -> None:
    """Reapply what the log holds and this ledger neither wrote nor read: it is an older copy, or a crash came between.

    Costs one listing of what is new. What it changed is told: whoever restored the copy may not know what it lacked.

    Raises:
        StoreUnavailable: The store did not answer, so nobody can say.
    """
    if ports.log.latest(after=ports.ledger.logged_through()) is None:
        return
    hand_on_wishes(ports.ledger, ports.log, wait=True)  # another process may have been about to say that it wrote it
    known = ports.ledger.logged_through()
    if ports.log.latest(after=known) is None:
        return
    counts = reapply_wishes(ports, as_of=as_of, since=known.date() - _A_DAY if known else None)
    changed = [
        f"{counts[name]} {words}"
        for name, words in (
            ("suppressed", "who want no mail"),
            ("lifted", "who came back"),
            ("erased", "erased"),
            ("stopped", "senders or campaigns stopped"),
        )
        if counts[name]
    ]
    if changed:
        alerts.raise_alert(
            kind="wishes",
            severity="warning",
            subject="ledger",
            message="The database is an older copy and had forgotten what was said since. It came back from the store: "
            f"{', '.join(changed)}. If nobody restored a copy on purpose, find out why it is one.",
            dedupe_key=CAUGHT_UP_ALERT_KEY,
            as_of=as_of,
        )


def _stop_again(ports: ReapplyPorts, subject: StoppedSubject, as_of: datetime) -> bool:
    if subject.kind == "campaign":
        return _stop_campaign(ports.campaigns, subject, as_of)
    is_cooling = subject.until is not None and subject.until > as_of
    if subject.status == SenderStatus.COOLING_DOWN and not is_cooling:
        return False
    changes = [StatusChange(SenderStatus.COOLING_DOWN, REASON, until=subject.until)] if is_cooling else []
    if subject.status == SenderStatus.PAUSED:
        changes.append(StatusChange(SenderStatus.PAUSED, REASON))
    changed = [_change(ports.registry, subject, change, as_of) for change in changes]
    return any(changed)


def _change(registry: SenderRegistry, subject: StoppedSubject, change: StatusChange, as_of: datetime) -> bool:
    if subject.kind == "mailbox":
        return registry.change_mailbox(SYSTEM, subject.subject_id, change, as_of=as_of)
    if subject.kind == "domain":
        return registry.change_domain(SYSTEM, subject.name, change, as_of=as_of)
    return registry.change_account(SYSTEM, subject.name, change, as_of=as_of)


def _stop_campaign(campaigns: CampaignLedger, subject: StoppedSubject, as_of: datetime) -> bool:
    """A campaign of this copy that is over, or was never approved, stays as it is."""
    wanted = CampaignStatus.PAUSED if subject.status == "paused" else CampaignStatus.CANCELLED
    try:
        campaigns.change_status(SYSTEM, subject.subject_id, wanted, as_of=as_of, reason=REASON)
    except Conflict:
        return False
    return True
