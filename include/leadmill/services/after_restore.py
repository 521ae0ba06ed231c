"""After an older copy of the ledger was restored: learn what was sent since, and only then let it send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leadmill.domain.access import Actor, Role, required_reason
from leadmill.domain.journal import read_key
from leadmill.ports.alerts import Alerts
from leadmill.ports.journal import Journal, Replay, RestoreLedger, TakenOver
from leadmill.ports.sending_lease import LeaseLedger
from leadmill.services.compare_journal import oldest_compared, require_not_tidied_away, unknown_entries
from leadmill.services.right_to_send import REFUSED_ALERT_KEY, SendingRight


@dataclass(frozen=True, slots=True)
class RestorePorts:
    """What a restore works with. `reapply_wishes`: suppressions, erasures, pauses from the store; counts by kind."""

    right: SendingRight
    lease: LeaseLedger
    journal: Journal
    ledger: RestoreLedger
    landing: Replay
    reapply_wishes: Callable[[datetime], Mapping[str, int]]
    alerts: Alerts


@dataclass(frozen=True, slots=True)
class RestoreOutcome:
    """What the ledger learnt, in mails but for `entries` and `wishes`.

    `doubted` were put in doubt: `settled` of them by evidence, `waiting` wait for evidence or a person. `known` had an
    outcome or were withdrawn; `missing` have no row in this ledger.
    """

    entries: int
    doubted: int
    settled: int
    waiting: int
    known: int
    missing: int
    wishes: Mapping[str, int]


def after_restore(
    ports: RestorePorts, actor: Actor, *, reason: str, as_of: datetime, accepts_gap: bool = False
) -> RestoreOutcome:
    """Put in doubt what the journal knows and the ledger lacks, replay the landing zone, then lift the refusal.

    Safe to run twice, and after it was broken off: until its end, dispatch refuses. A second one at the same time is
    turned away.

    Args:
        ports: See there.
        actor: An admin, or the system.
        reason: Why, for the audit log.
        as_of: Now, aware UTC.
        accepts_gap: Go on although claims that this ledger lacks were tidied away: their mails may go out twice.

    Raises:
        InputInvalid: No reason is given; nothing was begun.
        Conflict: Another one is at work.
        LedgerBehindJournal: The journal does not reach back to this copy, or an entry of it cannot be read.
        StoreUnavailable: The store did not answer; run it again.
    """
    actor.require(Role.ADMIN, to="let a restored ledger send")
    required_reason(reason, "Say why this copy is to send from now on; the audit log keeps it.")
    with ports.ledger.alone():
        if not accepts_gap:
            require_not_tidied_away(ports.lease, ports.journal)
        ports.ledger.begin(as_of=as_of)
        ports.right.take_over(actor, reason=reason, as_of=as_of)
        wishes = ports.reapply_wishes(as_of)
        taken, through = _take_over(ports, as_of)
        ports.landing.replay(as_of, since=ports.ledger.standing().lacks_since)
        later, _ = _take_over(ports, as_of)  # a claim that another copy wrote before it looked at the lease again
        outcome = _outcome(ports, taken + later, wishes)
        tidied = ports.journal.tidied()
        through = max(through, tidied.claim_id if tidied else 0)
        ports.ledger.end(actor, through_claim=through, counts=_counts(outcome), as_of=as_of)
    ports.alerts.resolve(REFUSED_ALERT_KEY, as_of=as_of)
    return outcome


def _take_over(ports: RestorePorts, as_of: datetime) -> tuple[TakenOver, int]:
    """Take over every entry that the ledger does not know; returns what that came to, and the highest claim."""
    total, highest = TakenOver(), 0
    for keys in unknown_entries(ports.lease, ports.journal, since=oldest_compared(ports.lease)):
        for key in keys:
            total += ports.ledger.take_over(key, ports.journal.read(key), as_of=as_of)
            said = read_key(key)
            highest = max(highest, said.claim_id if said else 0)
    return total, highest


def _outcome(ports: RestorePorts, taken: TakenOver, wishes: Mapping[str, int]) -> RestoreOutcome:
    standing = ports.ledger.standing()
    return RestoreOutcome(
        entries=taken.entries,
        doubted=standing.doubted,
        settled=standing.doubted - standing.waiting,
        waiting=standing.waiting,
        known=taken.known,
        missing=taken.missing,
        wishes=wishes,
    )


def _counts(outcome: RestoreOutcome) -> dict[str, int]:
    names = ("entries", "doubted", "settled", "waiting", "known", "missing")
    return {name: getattr(outcome, name) for name in names} | {f"wishes_{k}": n for k, n in outcome.wishes.items()}
