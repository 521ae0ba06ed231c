"""The daily look at warm-ups and probations: grow, hold or cut by what became of the mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.warm_up import (
    Change,
    curve_of,
    limit_of,
    next_day,
    next_probation_day,
    probation_limit,
)
from leadmill.errors import InputInvalid
from leadmill.ports.warm_ups import ProbationMove, WarmUpDue, WarmUpLedger, WarmUpMove


@dataclass(frozen=True, slots=True)
class WarmUpOutcome:
    """How many warm-ups advanced (finished ones too), held and were cut, and how many probations ended, just now."""

    advanced: int
    held: int
    cut: int
    probations_ended: int


def advance_warm_ups(ledger: WarmUpLedger, *, as_of: datetime) -> WarmUpOutcome:
    """Look once at every mailbox whose local day is new; running it again that day changes nothing.

    A day on which nobody looked does not advance: the next look moves by one stage at most.
    """
    moves = [_next(found) for found in ledger.warm_ups_due(as_of=as_of)]
    ledger.save_warm_ups(moves)
    trials = [_next_probation(found) for found in ledger.probations_due(as_of=as_of)]
    ledger.save_probations(trials)
    changes = [move.new.change for move in moves]
    return WarmUpOutcome(
        advanced=changes.count(Change.ADVANCED) + changes.count(Change.FINISHED),
        held=changes.count(Change.HELD),
        cut=changes.count(Change.CUT),
        probations_ended=sum(trial.new.is_over for trial in trials),
    )


def _next(found: WarmUpDue) -> WarmUpMove:
    warm_up = found.warm_up
    assert warm_up is not None  # noqa: S101 - warm_ups_due reads rows that have one
    new = next_day(
        warm_up,
        curve_of(found.curve),
        full_limit=found.full_limit,
        accepted=found.accepted,
        health=found.health,
        day=found.day,
    )
    return WarmUpMove(found, new)


def _next_probation(found: WarmUpDue) -> ProbationMove:
    new = next_probation_day(found.clean_days or 0, accepted=found.accepted, health=found.health)
    usual = found.full_limit
    if found.warm_up is not None:
        usual = limit_of(found.warm_up, curve_of(found.curve), full_limit=found.full_limit)
    return ProbationMove(found, new, usual if new.is_over else probation_limit(usual))


def set_warm_up_curve(ledger: WarmUpLedger, actor: Actor, kind: str, name: str, curve: str, *, as_of: datetime) -> None:
    """Let the warm-up of a mailbox (by address) or of a whole pool (by name) follow a curve; empty goes back.

    Raises:
        NotAllowed: The actor is no admin.
        InputInvalid: Neither a curve's name nor a list of daily limits, or `kind` is neither mailbox nor pool.
        NotFound: No such mailbox or pool.
    """
    actor.require(Role.ADMIN, to="choose a warm-up")
    if kind not in {"mailbox", "pool"}:
        raise InputInvalid(f"A warm-up belongs to a mailbox or a pool, not to a {kind}.")
    stored = curve_of(curve).name if curve.strip() else ""
    ledger.set_curve(actor, kind, name, stored, as_of=as_of)
