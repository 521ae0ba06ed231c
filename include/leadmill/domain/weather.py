"""A server that says "later" to everything: how long we wait, what counts as everything, and when we give up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from leadmill.domain.messages import Fault, Receipt, ReceiptStatus

PUT_OFF_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""Waits after the first, second, third … time in a row that a server puts a mailbox off; the last goes on.

The first are for a hiccup or a restart. RFC 5321 §4.5.4.1 asks for at least 30 minutes between two tries; an hour at
most, since each try is a single mail and people wait for the server to be back.
"""

GIVE_UP_AFTER = timedelta(days=5)
"""After so long of nothing but "later", mails that were due as long are given up. Source: RFC 5321 §4.5.4.1, "the
give-up time generally needs to be at least 4-5 days"."""

STALE_AFTER = timedelta(days=1)
"""A mailbox that had nothing to send for so long after its wait knows nothing of its server any more: what it meets
then begins anew, and what lies before counts neither for waits nor for giving up."""

LATE_AFTER = timedelta(hours=4)
"""After so long the alert becomes critical: mails will miss their hours. Mail servers warn their senders then, too
(sendmail's and Exim's default)."""

PROBE_WITHIN = timedelta(minutes=1)
"""A mailbox that was put off tries one mail, and no second one within this time unless the first was taken."""

IN_A_ROW = 3
"""So many mails in a row that the server puts off for its own sake, none taken between, and it counts as all of them. A
wrong guess costs the mailbox a minute: the mail that tries is taken, and everything goes on."""

UNCLEAR_IN_A_ROW = 10
"""The same for answers that may as well be about their recipients, at the third attempt or later, within one run of the
lane: where nothing but such mails is left of a campaign, they come one by one, over days."""

PASSED_BY_GREYLISTING = 3
"""Greylisting turns everybody away once, and takes him who comes again after some minutes (RFC 6647 §5): the second
attempt may be too early, so only from this attempt on does "later" speak against the server."""

GIVEN_UP_CODE = "server-unavailable"
"""Stands first in the code of a mail that was given up since no server took anything for `GIVE_UP_AFTER`."""

_OF_RECIPIENT = re.compile(r"\b4\.(2\.\d+|1\.[0-69]\d*)\b")
"""A mailbox or address of the recipient's, by RFC 3463 §3.2 and §3.3; 4.1.7 and 4.1.8 are the sender's."""

_MEANINGS: Mapping[str, str] = {
    "4.1.7": "bad sender address",
    "4.1.8": "the sender's domain is not found",
    "4.3.0": "trouble in the mail system",
    "4.3.1": "its storage is full",
    "4.3.2": "it takes no mail at present",
    "4.3.5": "it is configured wrongly",
    "4.4.1": "no answer from the next host",
    "4.4.2": "a bad connection",
    "4.4.3": "a directory server failed",
    "4.4.5": "too much mail",
    "4.7.0": "a rule of its",
    "4.7.1": "a rule of its",
}
"""What enhanced codes mean, in words of ours (RFC 3463): a server's own text may hold addresses and is not kept."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """Since when a server puts a mailbox (or an account) off, until when it is left alone, and what it said.

    `count`: waits in a row so far; 0 where it was only asked once to go slower. Times are UTC.
    """

    since: datetime
    until: datetime
    count: int
    reply: str = ""

    @property
    def is_probed(self) -> bool:
        """Whether one mail tries before the others follow."""
        return self.count > 0


class Standing(NamedTuple):
    """What is known of a mailbox that was refused lately.

    `in_a_row`: mails in a row that its server put off for its own sake, `last_send_id` being the last of them: the same
    one again says nothing new. `until` is when it is left alone, known to whoever was refused just now.
    """

    in_a_row: int = 0
    is_put_off: bool = False
    until: datetime | None = None
    last_send_id: int = 0


def wait_after(count: int) -> timedelta:
    """How long to wait after so many times in a row, at least one."""
    return PUT_OFF_WAITS[min(count, len(PUT_OFF_WAITS)) - 1]


def speaks_of_recipient(code: str) -> bool:
    """Whether a code is about one mailbox or address of the recipient's."""
    return _OF_RECIPIENT.search(code) is not None


def counts_in_a_row(receipt: Receipt, attempts: int) -> bool:
    """Whether an answer counts among those that a server gives to everything: by what it says, or since it lasts."""
    if receipt.status is not ReceiptStatus.REFUSED or receipt.fault is not Fault.MOMENT:
        return False
    return receipt.is_about_server or (attempts >= PASSED_BY_GREYLISTING and not speaks_of_recipient(receipt.code))


def in_words(code: str) -> str:
    """A reply's code with what it means: `452 4.3.1: its storage is full`."""
    meaning = next((words for enhanced, words in _MEANINGS.items() if enhanced in code), "")
    return f"{code}: {meaning}" if meaning else code
