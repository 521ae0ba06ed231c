"""What the five words of every result mean: one definition for guardrails, pages, scores and other systems.

The words are made twice, from the same sentences: `ledger.mail_outcomes` (a view, for what the ledger alone knows) and
`lake/outcomes.sql` (what people and machines did with a mail). Nobody else counts states or events.

tried        The provider, or the recipient's server, was asked: accepted mails, and those refused at RCPT as there
             is no such address. What a provider dropped itself was not. The base of every rate, or one thing would
             have two rates.
bounced      There is no such address: a hard bounce by any event or report, or a refusal at RCPT.
undelivered  Accepted and not brought to its reader for another reason: a full mailbox, a block, a recipient who takes
             no mail from us. No bounce; blocks have thresholds of their own.
delivered    Accepted, and neither bounced nor undelivered as far as anybody said. Plain SMTP confirms nothing;
             `confirmed` counts those of which a provider said so, or that an open, a click or an answer proves.
opened       A person opened or clicked: many readers block pictures, and a click proves an open. Machines are apart.
clicked      A person clicked.
replied      A person answered. Automatic answers are none, nor is an answer that only asks to be left alone.

Source: bounces as Amazon SES counts them (hard ones; its own suppression list is left out); replies after RFC 3834.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of mails; every field counts mails, not events. The module says what each word means.

    `machine_opened` and `machine_clicked` count mails that only a machine touched that way.
    """

    tried: int = 0
    accepted: int = 0
    delivered: int = 0
    confirmed: int = 0
    bounced: int = 0
    undelivered: int = 0
    complained: int = 0
    unsubscribed: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0
    machine_opened: int = 0
    machine_clicked: int = 0

    def rate(self, part: int) -> float | None:
        """A count as the share of tried mails, 0 to 1; None where none was tried."""
        return part / self.tried if self.tried else None

    def __add__(self, other: Self) -> Self:
        names = self.__dataclass_fields__
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in names})
