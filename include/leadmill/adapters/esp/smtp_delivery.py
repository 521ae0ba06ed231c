"""One `send` over the connections of a mailbox: mails in, receipts out, and the one error that ends it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from leadmill.adapters.esp.replies import Verdict
from leadmill.adapters.esp.smtp_mail import At, Mail
from leadmill.adapters.esp.smtp_refusals import classify_at
from leadmill.domain.dispatch import BROKEN_OFF_CODE, LEASE_MARGIN
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.domain.weather import IN_A_ROW
from leadmill.errors import LeadmillError, ProviderThrottled, ProviderUnavailable, SenderRefused, SendingBroke

QUOTA_WAIT_SECONDS = 3600.0
"""Wait when a server says that the daily quota is used up: quotas roll on, so one look an hour."""

THROTTLE_WAIT_SECONDS = 60.0
HAND_OVER_WITHIN_SECONDS = LEASE_MARGIN.total_seconds() * 0.8
"""A text goes out at most so long after its mail was taken up, however slow the server answers: the lease must hold."""

_RECEIPTS_TOGETHER_SECONDS = 0.1
"""Receipts are given out together, or at once when a connection ends or something fails.

Waking a reader costs as much as a third of a mail's hand-over: ten mailboxes that woke theirs every 5 ms spent a sixth
of their time on it. Short beside the time in which answers are written (`LaneRun.RECORD_WITHIN_SECONDS`)."""


class Delivery:
    """The `Feed` of all the connections that work on one `send`."""

    def __init__(
        self,
        messages: Iterable[OutgoingMessage],
        prepare: Callable[[OutgoingMessage], Mail | Receipt],
        *,
        lane_of: str,
    ) -> None:
        """`prepare` makes a mail of a message, or says by a receipt why it cannot be one."""
        self._messages = iter(messages)
        self._prepare = prepare
        self._lane_of = lane_of
        self._again: deque[Mail] = deque()
        self._loop = asyncio.get_running_loop()
        self.receipts: deque[Receipt] = deque()
        self.wake = asyncio.Event()
        self.error: LeadmillError | None = None
        self.taken_up = 0
        self.wakes_at = 0  # when so many are taken up
        self.is_at_end = False
        self._wakes = False
        self._in_a_row = 0

    def next(self) -> Mail | None:
        if self.error is not None:
            return None
        while self._again:
            mail = self._again.popleft()
            if not mail.is_recalled:
                return mail
            self._receipt(Receipt(mail.send_id, ReceiptStatus.RECALLED))
        for message in self._messages:
            found = self._prepare(message)
            if isinstance(found, Mail):
                self.taken_up += 1
                if self.taken_up == self.wakes_at:
                    self.wake.set()
                return found
            self._receipt(found)
        self.is_at_end = True
        return None

    @property
    def has_given_back(self) -> bool:
        """Whether mails wait that a connection did not hand over."""
        return bool(self._again)

    def may_hand_over(self, mail: Mail) -> bool:
        if self._loop.time() - mail.asked_at > HAND_OVER_WITHIN_SECONDS:
            self.fail(ProviderUnavailable(f"{self._lane_of}: the mail server is too slow; the rest is given back."))
        return self.error is None and not mail.is_recalled

    def accepted(self, mail: Mail, text: bytes) -> None:
        self._in_a_row = 0
        self._receipt(Receipt(mail.send_id, ReceiptStatus.ACCEPTED, queue_id(text)))

    def refused(self, mail: Mail, code: int, text: bytes, *, at: At) -> None:
        """Tell of a refusal; what is about all mails of this mailbox ends the delivery.

        A send that met a throttling at its recipient counts as tried: one that always meets it ends some day.
        """
        verdict = classify_at(code, text.decode("ascii", "replace"), at)
        if verdict.is_throttling:
            self.fail(self._throttled(mail, verdict, at))
        elif verdict.fault is Fault.MOMENT and at is At.SENDER:
            self.fail(self._put_off(verdict.code))
        else:
            self._receipt(
                Receipt(
                    mail.send_id,
                    ReceiptStatus.REFUSED,
                    fault=verdict.fault,
                    code=verdict.code,
                    is_unknown=not verdict.is_known,
                    is_about_server=verdict.is_about_server,
                )
            )
            self._end_a_row(mail, verdict, at)

    def _end_a_row(self, mail: Mail, verdict: Verdict, at: At) -> None:
        """Stop where the server refuses the sender, or puts mails off for its own sake, one after the other."""
        is_of_sender = verdict.fault is Fault.SENDER and at is At.SENDER
        self._in_a_row = self._in_a_row + 1 if is_of_sender or verdict.is_about_server else 0
        if self._in_a_row < IN_A_ROW:
            return
        if is_of_sender:
            what = f"{self._lane_of}: the mail server refused the sender of send {mail.send_id} ({verdict.code})."
            self.fail(SenderRefused(what, code=verdict.code))
        else:
            self.fail(self._put_off(verdict.code))

    def _put_off(self, code: str) -> ProviderUnavailable:
        return ProviderUnavailable(f"{self._lane_of}: the mail server puts all mails off ({code}).", code=code)

    def _throttled(self, mail: Mail, verdict: Verdict, at: At) -> ProviderThrottled:
        is_about_all = verdict.is_daily_quota and at is not At.RECIPIENT
        return ProviderThrottled(
            f"{self._lane_of}: the mail server put send {mail.send_id} off ({verdict.code}).",
            retry_after=QUOTA_WAIT_SECONDS if verdict.is_daily_quota else THROTTLE_WAIT_SECONDS,
            met_by=None if is_about_all else mail.send_id,
            code=verdict.code,
            is_about_server=at is At.SENDER,
        )

    def in_doubt(self, mail: Mail) -> None:
        self._receipt(Receipt(mail.send_id, ReceiptStatus.AMBIGUOUS, code="no-answer"))
        self.fail(ProviderUnavailable(f"{self._lane_of}: the mail server gave no answer to send {mail.send_id}."))

    def give_back(self, mail: Mail) -> None:
        mail.refusal, mail.sender_accepted, mail.recipient_accepted = None, False, False
        self._again.append(mail)

    def broken_off(self, mail: Mail) -> None:
        """Tell of it as of a refusal for the server's own sake: one recipient's, or everybody's where it goes on."""
        self._receipt(
            Receipt(mail.send_id, ReceiptStatus.REFUSED, fault=Fault.MOMENT, code=BROKEN_OFF_CODE, is_about_server=True)
        )
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            self.fail(ProviderUnavailable(f"{self._lane_of}: the mail server breaks off at every mail."))

    def broke(self, error: Exception) -> None:
        broken = SendingBroke(f"{self._lane_of}: sending broke unexpectedly ({type(error).__name__}); see the log.")
        broken.__cause__ = error
        self.error = broken
        self.wake.set()

    def fail(self, error: LeadmillError) -> None:
        """Hand nothing more over; the first error is raised when every connection has ended its part."""
        self.error = self.error or error
        self.wake.set()

    def _receipt(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        if not self._wakes:
            self._wakes = True
            self._loop.call_later(_RECEIPTS_TOGETHER_SECONDS, self._wake)

    def _wake(self) -> None:
        self._wakes = False
        self.wake.set()


def queue_id(text: bytes) -> str:
    """The server's id in `250 2.0.0 Ok: queued as 4F1` or SES's `250 Ok 0102…`; at most 200 characters, no spaces."""
    words = text.replace(b"\0", b"").decode("ascii", "replace").split()
    return words[-1][:200] if words else ""
