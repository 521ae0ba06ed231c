"""How long a pool needs for a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from leadmill.domain.warm_up import days_of_warm_up, warm_up_limit

HORIZON_DAYS = 3650
"""Past ten years the answer is "never"."""


@dataclass(frozen=True, slots=True)
class MailboxLimit:
    """What one mailbox may send: `daily_limit` once warm; `warm_up_started_on` None where it is."""

    daily_limit: int
    warm_up_started_on: date | None = None

    def on(self, day: date) -> int:
        """Mails it may send on that day."""
        age = days_of_warm_up(self.warm_up_started_on, day)
        return self.daily_limit if age is None else warm_up_limit(age, full_limit=self.daily_limit)


def days_needed(sends: int, mailboxes: Sequence[MailboxLimit], *, first_day: date) -> int | None:
    """Days that these mailboxes need for that many sends, if they send nothing else; None: never.

    The warm-up's growth is followed day by day until every mailbox is warm.
    """
    full = sum(mailbox.daily_limit for mailbox in mailboxes)
    if full <= 0:
        return None if sends > 0 else 0
    left = sends
    for number in range(HORIZON_DAYS):
        if left <= 0:
            return number
        today = sum(mailbox.on(first_day + timedelta(days=number)) for mailbox in mailboxes)
        if today >= full:
            return number + -(-left // full)
        left -= today
    return None
