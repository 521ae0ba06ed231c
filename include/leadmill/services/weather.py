"""What a lane does when a server says "later" to everything: wait longer and longer, try one mail, tell people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from leadmill.domain.dispatch import RETRY_DELAYS
from leadmill.domain.messages import Receipt, ReceiptStatus
from leadmill.domain.quantities import counted
from leadmill.domain.weather import (
    GIVE_UP_AFTER,
    GIVEN_UP_CODE,
    IN_A_ROW,
    LATE_AFTER,
    PROBE_WITHIN,
    UNCLEAR_IN_A_ROW,
    PutOff,
    Standing,
    counts_in_a_row,
    in_words,
)
from leadmill.errors import LeadmillError, ProviderThrottled, ProviderUnavailable
from leadmill.ports.alerts import Alerts
from leadmill.ports.dispatch import ClaimedSend
from leadmill.ports.esp import Channel, without_channel_name
from leadmill.ports.weather import Refused, WeatherLedger

TELL_OF_THROTTLING_FROM = 2
"""To be asked to go slower is daily business; so many waits in a row, with nothing taken between, are not."""


@dataclass(frozen=True, slots=True)
class WeatherPorts:
    """Where it is kept, and who is told."""

    ledger: WeatherLedger
    alerts: Alerts


@dataclass(slots=True)
class Weather:
    """One run of a lane. Claiming calls `claimed` only; all else is called by the one thread that records.

    While every mailbox is served (`is_bad`), a yes need not be told.
    """

    lane: str
    ports: WeatherPorts
    _news: SimpleQueue[Mapping[int, Standing]] = field(default_factory=SimpleQueue)
    _standings: dict[int, Standing] = field(default_factory=dict)
    _rows: dict[int, list[int]] = field(default_factory=dict)
    _counted: set[int] = field(default_factory=set)
    _served: set[int] = field(default_factory=set)
    _forgiven: list[int] = field(default_factory=list)
    _hopeless: PutOff | None = None

    @property
    def is_bad(self) -> bool:
        """Whether anybody was put off or refused lately, so that a yes is news, too."""
        return bool(self._standings)

    def claimed(self, standings: Mapping[int, Standing]) -> None:
        """Take note of mailboxes with sends in a claim that were refused lately."""
        if standings:
            self._news.put(standings)

    def answered(self, receipt: Receipt, send: ClaimedSend, channel: Channel, *, now: datetime) -> bool:
        """Take note of an answer; returns whether it was the server's word to everything, which costs no attempt."""
        if receipt.status is ReceiptStatus.ACCEPTED:
            if self._standings:
                self._serves(send.mailbox_id)
            return False
        if not counts_in_a_row(receipt, send.attempts):
            return False
        standing = self._standings.get(send.mailbox_id, Standing())
        if not standing.is_put_off:
            if standing.until is not None:  # asked once to go slower
                return receipt.is_about_server
            if not self._is_enough(receipt, send, standing):
                return False
        if standing.until is None or now >= standing.until:  # else it was on its way when the first was put off
            error = ProviderUnavailable(f"{self.lane}: the server says “later” to everything.", code=receipt.code)
            self.failed(channel, error, now=now)
        return True

    def next_try(self, mailbox_id: int) -> datetime | None:
        """When a mail that the mailbox's server put off is tried again: behind one that tries before it."""
        until = self._standings.get(mailbox_id, Standing()).until
        return until and until + PROBE_WITHIN

    def _is_enough(self, receipt: Receipt, send: ClaimedSend, standing: Standing) -> bool:
        """Whether so many mails in a row speak of the server; those before then get their attempts back."""
        row = self._rows.setdefault(send.mailbox_id, [])
        in_a_row, needed = len(row) + 1, UNCLEAR_IN_A_ROW
        if receipt.is_about_server:
            in_a_row, needed = standing.in_a_row + (send.send_id != standing.last_send_id), IN_A_ROW
            self._standings[send.mailbox_id] = Standing(in_a_row, last_send_id=send.send_id)
            self._counted.add(send.mailbox_id)
        if in_a_row >= needed:
            self._forgiven += row
            return True
        row.append(send.send_id)
        self._standings.setdefault(send.mailbox_id, standing)
        return False

    def failed(self, channel: Channel, error: LeadmillError, *, now: datetime) -> None:
        """A channel took nothing: hold back its mailbox, or the account where an API speaks of it as a whole."""
        own = channel.provider == "smtp"
        is_throttling = isinstance(error, ProviderThrottled)
        asked = timedelta(seconds=(error.retry_after or 0.0) if isinstance(error, ProviderThrottled) else 0.0)
        code = error.code if isinstance(error, ProviderThrottled | ProviderUnavailable) else ""
        reply = in_words(code) if code else without_channel_name(str(error))
        self._let_go(now)  # whom it served before it failed: the wait that begins now must not end by it
        refused = Refused(channel.mailbox_id if own else None, self.lane, reply, asked, is_throttling)
        found = self.ports.ledger.put_off(refused, now=now)
        self._standings[channel.mailbox_id] = Standing(is_put_off=found.is_probed, until=found.until)
        self._counted.discard(channel.mailbox_id)
        self._rows.pop(channel.mailbox_id, None)
        if not is_throttling or found.count >= TELL_OF_THROTTLING_FROM:
            self._tell(found, now)
        if now - found.since >= GIVE_UP_AFTER:
            self._hopeless = found

    def keep(self, *, now: datetime) -> bool:
        """Write what answers came to, after the answers themselves; returns whether somebody is served again."""
        is_served = self._let_go(now)
        counts, self._counted = self._counted, set()
        if counts:
            self.ports.ledger.count_in_a_row({mailbox_id: self._standings[mailbox_id] for mailbox_id in counts})
        forgiven, self._forgiven = self._forgiven, []
        if forgiven:
            self.ports.ledger.forgive_attempts(sorted(forgiven))
        hopeless, self._hopeless = self._hopeless, None
        if hopeless is not None:
            self._give_up(hopeless, now)
        return is_served

    def _let_go(self, now: datetime) -> bool:
        served, self._served = self._served, set()
        if served:
            self.ports.ledger.works_again(sorted(served), self.lane, now=now)
        return bool(served)

    def hear(self) -> None:
        """Take note of what claims have read since; before the answers to their sends are judged."""
        while True:
            try:
                news = self._news.get_nowait()
            except Empty:
                return
            for mailbox_id, standing in news.items():
                self._standings.setdefault(mailbox_id, standing)

    def works(self, *, now: datetime) -> None:
        """The lane took mails: close its alert, unless a mailbox of it still waits for its server."""
        if not self.ports.ledger.lane_standing(self.lane).waiting:
            self.ports.alerts.resolve(self._key, as_of=now)

    @property
    def _key(self) -> str:
        return f"provider_unavailable:{self.lane}"

    def _serves(self, mailbox_id: int) -> None:
        if self._standings.pop(mailbox_id, None) is not None:
            self._served.add(mailbox_id)
            self._rows.pop(mailbox_id, None)
            self._counted.discard(mailbox_id)

    def _tell(self, found: PutOff, now: datetime) -> None:
        standing = self.ports.ledger.lane_standing(self.lane)
        waiting = f"{standing.waiting:,} of its {counted(standing.mailboxes, 'mailbox', 'mailboxes')}"
        self.ports.alerts.raise_alert(
            kind="provider_unavailable",
            severity="critical" if now - found.since >= LATE_AFTER else "warning",
            subject=f"provider account {self.lane}",
            message=f"{_since(found)}; {waiting} {'waits' if standing.waiting == 1 else 'wait'}. One mail tries again "
            f"from {found.until:%d %b %H:%M:%S} UTC on. Nothing is lost, and no attempt is used up.",
            dedupe_key=self._key,
            as_of=now,
        )

    def _give_up(self, found: PutOff, now: datetime) -> None:
        mails = self.ports.ledger.give_up(self.lane, before=now - GIVE_UP_AFTER, soon=now + RETRY_DELAYS[0], now=now)
        if not mails:
            return
        self.ports.alerts.raise_alert(
            kind="sends_given_up",
            severity="critical",
            subject=f"provider account {self.lane}",
            message=f"{counted(mails, 'mail was', 'mails were')} given up ({GIVEN_UP_CODE}). {_since(found)}. When the "
            "server works again, send them again: campaign's page, tab Progress.",
            dedupe_key=f"sends_given_up:{self.lane}",
            as_of=now,
        )


def _since(found: PutOff) -> str:
    return f"Nothing was taken since {found.since:%d %b %H:%M} UTC ({found.reply.rstrip('.')})"
