"""Show people the mails that nobody knows the outcome of, incident by incident, and carry out what they decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from leadmill.domain.access import Actor
from leadmill.domain.doubts import Incident, incidents
from leadmill.errors import Conflict, NotFound
from leadmill.ports.dispatch import SendLedger, Settlement
from leadmill.ports.doubts import Decided, DoubtLedger
from leadmill.services.settle_ambiguous import settle_ambiguous

READ_AT_MOST = 5_000
"""Doubts shown at once; a decision on these makes room for the next."""

_AROUND = timedelta(hours=1)


def open_incidents(ledger: DoubtLedger, *, campaign_id: int | None = None) -> list[Incident]:
    """Every open doubt, of one campaign or all, grouped by origin, with what is known of other mails of those hours."""
    found = incidents(ledger.doubts(campaign_id=campaign_id, limit=READ_AT_MOST))
    return [
        replace(i, around=ledger.around(i.lane, since=i.began_at - _AROUND, until=i.ended_at + _AROUND)) for i in found
    ]


def decide_doubts(
    ledger: SendLedger, actor: Actor, send_ids: Sequence[int], settlement: Settlement, *, reason: str, as_of: datetime
) -> Decided:
    """Settle doubts one by one, each with its own line in the audit log; what is settled meanwhile is passed by.

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason, or another word than sent, lost and send_again.
    """
    settled, passed = 0, list[str]()
    for send_id in send_ids:
        try:
            settle_ambiguous(ledger, actor, send_id, settlement, reason=reason, as_of=as_of)
            settled += 1
        except (Conflict, NotFound) as error:
            passed.append(str(error))
    return Decided(settled, len(passed), passed[0] if passed else "")
