"""What becomes of a claimed send: the provider's answer, the attempts so far and the time decide, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from leadmill.domain.messages import Fault, Receipt, ReceiptStatus

RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440, 1440, 1440, 1440))
"""Waits before the second, third … attempt. The second is soon, for a hiccup; the third comes after the five minutes
that greylisting usually asks for (RFC 6647 §5); then slower, and 4.4 days in all, as RFC 5321 §4.5.4.1 asks of a sender
("at least 4-5 days"): a server that is down over a weekend loses nobody. A campaign's end may come first."""

MAX_ATTEMPTS = len(RETRY_DELAYS) + 1

LEASE = timedelta(minutes=15)
"""How long a claim is its worker's own. Nothing is handed over in its last `LEASE_MARGIN`."""

LEASE_MARGIN = timedelta(minutes=5)

AMBIGUOUS_IS_LOST_AFTER = timedelta(days=14)
"""An ambiguous send without any evidence for so long counts as lost. Providers retry for at most three days and report
within that time; two weeks leave room for people and replies."""


RECALL_WITHIN = timedelta(seconds=2)
"""Nothing is handed over later than so long after it was committed that it shall not be: a suppression, an erasure, a
reply, a pause, a cancellation. Our promise to people who leave, and what a person who clicks "pause" waits for."""

LOOK_EVERY = timedelta(seconds=0.5)
"""How often a worker asks whether any of its claimed sends must not go out any more."""

LOOKS_ARE_STALE_AFTER = timedelta(seconds=1.5)
"""Without an answer for so long nothing more is rendered: what is left of `RECALL_WITHIN` is for what is on its way."""

WAIT_FOR_A_LOOK = timedelta(seconds=30)
"""A worker whose looks go unanswered for so long gives its sends back: the database does not answer."""


RENDER_WITHIN = timedelta(seconds=1)
"""A mail is filled in within so long. A usual one takes 0.1 ms; the other mailboxes of the lane wait meanwhile, and the
shortest time-out of theirs that a server of ours may have is 5 seconds."""

SAMPLE_OF_A_TEMPLATE = 20
"""Where a lead's mail cannot be filled in, so many others of the same template are tried: whose fault is it?"""


def is_template_at_fault(*, failed: int, tried: int) -> bool:
    """Whether a template is to blame for the mails that could not be filled in, and not the few leads they were for.

    At least two, and at least half: our choice. Stopping a campaign that only half of its leads can get costs a look;
    going on costs leads.
    """
    return failed > 1 and 2 * failed >= tried


class Outcome(StrEnum):
    """What the ledger records of a claimed send."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    RETRY = "retry"  # an attempt was made, the next one comes later
    RELEASED = "released"  # never handed over: planned again, the quota given back
    AMBIGUOUS = "ambiguous"
    SUPPRESSED = "suppressed"  # taken back before it was handed over: its lead must not be mailed
    CANCELLED = "cancelled"  # taken back before it was handed over: its sequence ended


TAKEN_BACK = frozenset({Outcome.SUPPRESSED, Outcome.CANCELLED})
"""Recalled for good; what is only put off is released."""


class SendResult(NamedTuple):
    """One line for the ledger. `due_at` is the next attempt's time for retries and releases.

    `is_free`: what was said was not about this send, so that its next attempt is the same once more.
    """

    send_id: int
    outcome: Outcome
    provider_message_id: str = ""
    fault: Fault | None = None
    code: str = ""
    due_at: datetime | None = None
    is_free: bool = False


def settle(
    receipt: Receipt, *, attempts: int, now: datetime, is_free: bool = False, not_before: datetime | None = None
) -> SendResult:
    """What a receipt comes to.

    Args:
        receipt: The provider's answer.
        attempts: Attempts made, this one included; at least 1.
        now: Aware UTC.
        is_free: The server says the same to everything, so that it costs this send no attempt.
        not_before: When a next attempt may be made at the earliest, where that is known.

    Returns:
        Faults of the address and the message are final. One of the moment is tried again until `MAX_ATTEMPTS`. One of
        the sender costs its recipient nothing: the send waits until whoever is to blame has been put right.
    """
    if receipt.status is ReceiptStatus.ACCEPTED:
        return SendResult(receipt.send_id, Outcome.ACCEPTED, provider_message_id=receipt.provider_message_id)
    if receipt.status is ReceiptStatus.AMBIGUOUS:
        return SendResult(receipt.send_id, Outcome.AMBIGUOUS, code=receipt.code)
    is_free = receipt.fault is Fault.SENDER or (receipt.fault is Fault.MOMENT and is_free)
    later = is_free or (receipt.fault is Fault.MOMENT and attempts < MAX_ATTEMPTS)
    if not later:
        return SendResult(receipt.send_id, Outcome.REFUSED, fault=receipt.fault, code=receipt.code)
    due_at = now + (RETRY_DELAYS[0] if is_free else RETRY_DELAYS[attempts - 1])
    due_at = max([due_at, *(at for at in (receipt.retry_after, not_before) if at is not None)])
    return SendResult(
        receipt.send_id, Outcome.RETRY, fault=receipt.fault, code=receipt.code, due_at=due_at, is_free=is_free
    )


SPAM_BLOCK_MARK = "spam-block"
"""Ends the code of a refusal that says our IP or domain is on a blocklist: `554 5.7.1 spam-block`."""


def is_spam_block(code: str) -> bool:
    """Whether a refusal says that the sender, not this one mail, is blocked as a source of spam."""
    return code.endswith(SPAM_BLOCK_MARK)


AUTHENTICATION_MARK = "authentication"
"""Ends the code of a refusal for our SPF, DKIM, DMARC or reverse DNS that words tell: `550 5.7.1 authentication`."""


BROKEN_OFF_CODE = "broken-off"
"""The code of a mail at which a server or an API broke off before it was handed over."""

REFUSES_US_MARK = "refuses-us"
"""Ends the code of a refusal by a recipient who takes no mail from outside: `550 5.7.133 refuses-us`."""


LANE_TASKS = 6
"""Tasks that send at once in a dispatch cycle: with listing, alerts and the gate at most ten, however many lanes."""


def lane_groups(lanes: Sequence[str]) -> list[list[str]]:
    """The lanes in at most `LANE_TASKS` groups of about the same size, one for each task."""
    return [list(lanes[first::LANE_TASKS]) for first in range(min(LANE_TASKS, len(lanes)))]
