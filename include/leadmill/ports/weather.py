"""Servers that take nothing for a while: what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from leadmill.domain.weather import PutOff, Standing


@dataclass(frozen=True, slots=True)
class Refused:
    """Who is put off and by what: a mailbox by its mail server, or (`mailbox_id` None) a lane's account by its API.

    `asked` is the wait that was asked for, zero where none was. `is_throttling`: only to go slower, so that the first
    time is no trouble yet.
    """

    mailbox_id: int | None
    lane: str
    reply: str
    asked: timedelta = timedelta(0)
    is_throttling: bool = False


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """Of a lane's mailboxes that may send, how many wait for their server to take something again."""

    waiting: int
    mailboxes: int


class WeatherLedger(Protocol):
    """Holds back whom a server puts off, and lets go on whom it serves again; each may come twice without harm."""

    def put_off(self, refused: Refused, *, now: datetime) -> PutOff:
        """Claim nothing for that mailbox, or for the whole lane, for a while: longer each time in a row."""
        ...

    def works_again(self, mailbox_ids: Sequence[int], lane: str | None, *, now: datetime) -> None:
        """The server took mails of these mailboxes, or the API of the lane did."""
        ...

    def count_in_a_row(self, standings: Mapping[int, Standing]) -> None:
        """Remember how many mails in a row each mailbox's server put off."""
        ...

    def forgive_attempts(self, send_ids: Sequence[int]) -> None:
        """Take back an attempt of each of these sends that waits for its next."""
        ...

    def lane_standing(self, lane: str) -> LaneStanding:
        """How many mailboxes of a lane wait for their server."""
        ...

    def give_up(self, lane: str, *, before: datetime, soon: datetime, now: datetime) -> int:
        """Refuse what could go out nowhere since `before`: what was due then, and what was tried and is due soon again.

        Returns:
            How many mails.
        """
        ...
