"""Threads whose mailbox is gone: hand them on, end them, or let them wait; a person decides for the whole mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta

from leadmill.domain.access import Actor, Role, required_reason
from leadmill.domain.quantities import counted
from leadmill.errors import Conflict, InputInvalid
from leadmill.ports.alerts import Alerts, CheckAlerts
from leadmill.ports.threads import StrandedThreads, ThreadLedger

ALERT_KIND = "threads_wait"
TELL_AFTER = timedelta(days=3)
"""Follow-ups that wait so long for a mailbox that is gone want a decision; so long after "wait", too. Our choice: the
usual days between two mails, so that a conversation misses one beat at most."""

_GONE = {
    "mailbox": "it is paused",
    "domain": "its sending domain is paused",
    "account": "its provider account is paused",
}
"""Why threads wait, by what is paused."""

THREE_CHOICES = "hand them on to another mailbox, end them, or let them wait"


def hand_on_threads(
    ledger: ThreadLedger,
    alerts: Alerts,
    actor: Actor,
    mailbox_id: int,
    *,
    to_mailbox_id: int | None = None,
    reason: str,
    as_of: datetime,
) -> tuple[int, int]:
    """Let the threads of a mailbox that is gone go on from another one of their pool; None: evenly from all of them.

    Returns:
        Threads handed on, and those that stay: no such mailbox that sends is in their campaign's pool.

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason; or the mailbox itself is named as the other one.
        Conflict: No thread waits for it (the mailbox sends, or nothing is queued), or no mailbox can take any.
    """
    _require(ledger, actor, mailbox_id, reason, as_of)
    if to_mailbox_id == mailbox_id:
        raise InputInvalid("Choose another mailbox than the one that is gone.")
    moved, stay = ledger.hand_on(actor, mailbox_id, to_mailbox_id, reason=reason.strip(), as_of=as_of)
    if not moved:
        whom = (
            "no mailbox of their pool sends now"
            if to_mailbox_id is None
            else "that mailbox is not one of their pool that sends"
        )
        raise Conflict(f"No thread was handed on: {whom}. Release one, choose another, or let them wait or end them.")
    if not stay:
        alerts.resolve(threads_alert_key(mailbox_id), as_of=as_of)
    return moved, stay


def end_threads(
    ledger: ThreadLedger, alerts: Alerts, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime
) -> int:
    """Cancel the follow-ups that wait for a mailbox that is gone. Returns how many threads end.

    Raises:
        NotAllowed, InputInvalid, Conflict: As `hand_on_threads`.
    """
    _require(ledger, actor, mailbox_id, reason, as_of)
    ended = ledger.end(actor, mailbox_id, reason=reason.strip(), as_of=as_of)
    alerts.resolve(threads_alert_key(mailbox_id), as_of=as_of)
    return ended


def let_threads_wait(
    ledger: ThreadLedger, alerts: Alerts, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime
) -> int:
    """Keep that the follow-ups wait until the mailbox sends again. Returns how many threads wait.

    Raises:
        NotAllowed, InputInvalid, Conflict: As `hand_on_threads`.
    """
    _require(ledger, actor, mailbox_id, reason, as_of)
    waiting = ledger.let_wait(actor, mailbox_id, reason=reason.strip(), as_of=as_of)
    alerts.resolve(threads_alert_key(mailbox_id), as_of=as_of)
    return waiting


def tell_of_stranded_threads(ledger: ThreadLedger, alerts: CheckAlerts, *, as_of: datetime) -> int:
    """Alert where due follow-ups have waited for days without a decision. Returns for how many mailboxes."""
    undecided = [each for each in ledger.stranded(as_of=as_of) if each.due and as_of - _decided_at(each) >= TELL_AFTER]
    for each in undecided:
        alerts.raise_alert(
            kind=ALERT_KIND,
            severity="warning",
            subject=f"mailbox {each.address}",
            message=f"{counted(each.due, 'due follow-up waits', 'due follow-ups wait')} for this mailbox: "
            f"{why_they_wait(each)}: {THREE_CHOICES} (Deliverability, Stopped).",
            dedupe_key=threads_alert_key(each.mailbox_id),
            as_of=as_of,
        )
    alerts.resolve_others(ALERT_KIND, [threads_alert_key(each.mailbox_id) for each in undecided], as_of=as_of)
    return len(undecided)


def why_they_wait(each: StrandedThreads) -> str:
    """Where the mailbox is, in words."""
    return _GONE.get(each.paused, f"it serves the pool {each.pool} now")


def threads_alert_key(mailbox_id: int) -> str:
    """One open alert a mailbox."""
    return f"threads_wait:{mailbox_id}"


def _decided_at(each: StrandedThreads) -> datetime:
    return max(each.since, each.chosen_at) if each.chosen_at else each.since


def _require(ledger: ThreadLedger, actor: Actor, mailbox_id: int, reason: str, as_of: datetime) -> None:
    actor.require(Role.ANALYST, to="decide what becomes of a mailbox's threads")
    required_reason(reason, "Say why; the audit log keeps the reason.")
    if not ledger.stranded(as_of=as_of, mailbox_id=mailbox_id):
        raise Conflict(
            "No thread waits for this mailbox any more: it sends, or nothing is queued; reload and look again."
        )
