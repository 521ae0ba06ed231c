"""Nobody is annoyed by two campaigns: whom a campaign leaves out, and when a person may get the next mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DAYS_APART = 7
"""Days between another campaign's mail to a person and a new campaign's, unless the installation or the campaign says
otherwise. Our choice: after a week a second subject from the same company is news, sooner it is one mail too many."""

DAYS_APART_LIMIT = 365

MAILS_A_WEEK = 3
"""Mails that a person gets in seven days over all campaigns, unless the installation says otherwise. Our choice: the
usual sequence of a first mail and two follow-ups within a week passes, a second campaign beside it does not."""

WEEK = timedelta(days=7)

NO_CAP = 32_767
"""Stands for "no cap": no sequence is as long."""


class PutOff(StrEnum):
    """Why a send waits for its person's sake: the code of the planned send."""

    WEEKLY_CAP = "weekly_cap"
    MAILED_ELSEWHERE = "mailed_elsewhere"


REPLIED_ELSEWHERE = "replied_elsewhere"
"""The code of a send that an answer to another campaign ended."""


@dataclass(frozen=True, slots=True)
class ContactRules:
    """What a campaign says about people whom other campaigns mail.

    `leave_out_replied`: who ever answered another campaign gets no row. `leave_out_in_sequence`: nor who has a mail of
    another running or paused campaign to come. `days_apart`: days that must lie between another campaign's mail to a
    person and one of this, 0 for none, None for the installation's. `ends_on_other_reply`: an answer to another
    campaign ends this one's sequence, too.
    """

    leave_out_replied: bool = True
    leave_out_in_sequence: bool = True
    days_apart: int | None = None
    ends_on_other_reply: bool = True

    def problems(self) -> list[str]:
        """What makes no sense, one sentence each; empty where it is fine."""
        if self.days_apart is not None and not 0 <= self.days_apart <= DAYS_APART_LIMIT:
            return [f"Between two campaigns lie 0 to {DAYS_APART_LIMIT} days."]
        return []

    def bounds(self, *, usual_days_apart: int, as_of: datetime) -> ContactBounds:
        """The rules at one moment; with no `days_apart`, who was mailed in the usual time is counted, not left out."""
        days = usual_days_apart if self.days_apart is None else self.days_apart
        return ContactBounds(
            self.leave_out_replied,
            self.leave_out_in_sequence,
            days > 0,
            as_of - timedelta(days=days or usual_days_apart or DAYS_APART),
        )


@dataclass(frozen=True, slots=True)
class ContactBounds:
    """Whom to leave out of an audience; `mailed_since`: aware time after which a mail is recent, None: no mail is."""

    skips_replied: bool = False
    skips_in_sequence: bool = False
    skips_mailed: bool = False
    mailed_since: datetime | None = None


ANYBODY = ContactBounds()
"""Nobody is left out for what other campaigns have with them."""


@dataclass(frozen=True, slots=True)
class PersonContacts:
    """What a claim reads of a due send's person, under lock.

    `latest_mails`: times of the latest mails of any campaign, newest first, at most as many as the week's cap.
    `mailed_elsewhere_at`: the latest mail of another campaign. Times are aware UTC.
    """

    send_id: int
    person_id: int
    is_shared: bool
    days_apart: int
    has_replied_elsewhere: bool
    mailed_elsewhere_at: datetime | None
    latest_mails: Sequence[datetime] | None


def waits_until(person: PersonContacts, *, now: datetime, cap: int) -> tuple[datetime, PutOff] | None:
    """Until when a send waits for its person's sake, and why; None where it may go out now.

    Args:
        person: What other mails the person had.
        now: Aware UTC.
        cap: Mails a person gets in seven days, at least 1.

    Returns:
        The later of two times: when the days between campaigns are over, and when the oldest mail that the cap counts
        is seven days old. So a send that is due again then goes out, unless the person got another mail between.
    """
    ends: list[tuple[datetime, PutOff]] = []
    mails = person.latest_mails or ()
    if len(mails) >= cap:
        ends.append((mails[cap - 1] + WEEK, PutOff.WEEKLY_CAP))
    if person.mailed_elsewhere_at is not None and person.days_apart:
        ends.append((person.mailed_elsewhere_at + timedelta(days=person.days_apart), PutOff.MAILED_ELSEWHERE))
    until, why = max(ends, default=(now, PutOff.WEEKLY_CAP))
    return (until, why) if until > now else None
