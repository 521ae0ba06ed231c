"""How long a pool needs for a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from leadmill.domain.warm_up import curve_of

HORIZON_DAYS = 3650
"""Past ten years the answer is "never"."""


@dataclass(frozen=True, slots=True)
class MailboxLimit:
    """What one mailbox may send: `daily_limit` once warm; `warm_up_started_on` None where it never warmed up.

    `stage` is where its warm-up stands today, on `curve`; None: it begins with its first day.
    """

    daily_limit: int
    warm_up_started_on: date | None = None
    stage: int | None = None
    curve: str = ""

    def on(self, day: date, *, today: date) -> int:
        """Mails it may send on that day, if it advances on every day from today on."""
        if self.warm_up_started_on is None:
            return self.daily_limit
        began = max(today, self.warm_up_started_on)
        stage = (self.stage or 0) + (day - began).days
        return 0 if day < began else curve_of(self.curve).limit(stage, full_limit=self.daily_limit)


def days_needed(sends: int, mailboxes: Sequence[MailboxLimit], *, first_day: date) -> int | None:
    """Days that these mailboxes need for that many sends, if they send nothing else; None: never.

    The warm-up's growth is followed day by day until every mailbox is warm, with clean evidence on each.
    """
    full = sum(mailbox.daily_limit for mailbox in mailboxes)
    if full <= 0:
        return None if sends > 0 else 0
    left = sends
    for number in range(HORIZON_DAYS):
        if left <= 0:
            return number
        today = sum(mailbox.on(first_day + timedelta(days=number), today=first_day) for mailbox in mailboxes)
        if today >= full:
            return number + -(-left // full)
        left -= today
    return None
