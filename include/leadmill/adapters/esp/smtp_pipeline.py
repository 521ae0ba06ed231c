"""Mails over one SMTP connection: which reply answers which command, and which mail may have been taken.

With PIPELINING (RFC 2920) a mail's text, its final dot and the next mail's MAIL, RCPT and DATA go out in one write: one
round trip a mail instead of four. A text is only written after its own 354, so that at most one mail of a connection is
ever in doubt: the one whose dot went out and whose answer is missing. Without PIPELINING every command waits for its
answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto

from leadmill.adapters.esp.smtp_mail import At, Ending, Feed, Mail, TimeOuts
from leadmill.adapters.esp.smtp_wire import Wire
from leadmill.domain.crash_points import CrashPoint, reached

_OK = range(200, 300)
_START_MAIL_INPUT = 354
_CLOSING = 421
_REFUSED_FROM = 400
_ONE_WRITE = 65_536
"""Texts up to so many octets go out together with the commands behind them."""


class _Stage(Enum):
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    RESET = auto()


_MAIL, _RCPT, _DATA, _DOT, _RESET = _Stage  # a member's look-up in its class is slow in Python 3.11


class Pipeline:
    """Carries mails of a feed over one connection, until the feed has none, the share is used up, or it breaks."""

    def __init__(self, wire: Wire, feed: Feed, *, share: int, time_outs: TimeOuts, is_first: bool = True) -> None:
        """`share`: how many mails the connection may carry in all. `is_first`: no other one works beside it."""
        self._wire = wire
        self._feed = feed
        self._share = share
        self._is_first = is_first
        self._time_outs = time_outs
        self._pipelining = "PIPELINING" in wire.extensions
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Ending] = self._loop.create_future()
        self._expected: deque[tuple[_Stage, Mail]] = deque()
        self._handed_over: Mail | None = None
        self._behind: Mail | None = None
        self._unwritten = b""
        self._is_late = False
        self._since = 0.0
        self._unsent_then = 0

    async def run(self) -> Ending:
        """Carry; afterwards every mail taken from the feed was accepted, refused, put in doubt, or given back."""
        wire = self._wire
        wire.on_reply, wire.on_loss = self._replied, self._lost
        self._since = self._loop.time()
        timer = self._loop.call_later(self._time_outs.command, self._look_at_time)
        self._timer = timer
        try:
            if wire.is_open:
                self._guarded_start()
            else:
                self._lost()
            return await self._ended
        except BaseException:
            wire.on_loss = None
            wire.break_off()
            raise
        finally:
            self._timer.cancel()
            wire.on_reply = wire.on_loss = None

    # --- out

    def _guarded_start(self) -> None:
        try:
            self._start_next()
        except Exception as error:  # noqa: BLE001 - told to the feed
            self._broke(error)

    def _start_next(self) -> None:
        """Begin the next mail, or end."""
        if self._wire.carried >= self._share:
            self._end(Ending.FULL)
            return
        mail = self._feed.next()
        if mail is None:
            self._end(Ending.DONE)
            return
        mail.asked_at = self._loop.time()
        self._behind = mail
        self._wire.write(self._opening(mail))

    def _opening(self, mail: Mail) -> bytes:
        """The commands that open a mail, as many as may go out at once; their replies are expected from now on."""
        reset = b""
        if self._wire.needs_reset:
            self._wire.needs_reset = False
            self._expected.append((_RESET, mail))
            reset = b"RSET\r\n"
            if not self._pipelining:
                return reset
        self._expected.append((_MAIL, mail))
        if not self._pipelining:
            return b"MAIL FROM:<%b>\r\n" % mail.sender
        self._expected.append((_RCPT, mail))
        self._expected.append((_DATA, mail))
        return b"%bMAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n" % (reset, mail.sender, mail.recipient)

    def _hand_over(self, mail: Mail) -> None:
        """Write the text and the final dot; from here on the mail is in doubt until it is answered."""
        wire = self._wire
        if not self._feed.may_hand_over(mail):
            self._hang_up(Ending.DONE)  # a server that never sees the dot takes nothing
            return
        behind = self._feed.next() if self._pipelining and wire.carried + 1 < self._share else None
        self._handed_over, self._behind = mail, behind
        self._expected.append((_DOT, mail))
        opening = b""
        if behind is not None:
            behind.asked_at = self._loop.time()
            opening = self._opening(behind)
        reached(CrashPoint.BEFORE_HAND_OVER)
        if len(mail.text) <= _ONE_WRITE:
            wire.write(b"%b.\r\n%b" % (mail.text, opening))
        else:
            wire.write(b"%b.\r\n" % mail.text)
            self._unwritten = opening
            self._write_the_rest()
        reached(CrashPoint.HANDED_OVER)

    def _write_the_rest(self) -> None:
        """Behind a large text: the next mail's commands, once the text has left our memory."""
        if self._unwritten and not self._wire.is_paused:
            self._wire.write(self._unwritten)
            self._unwritten = b""

    # --- in

    def _replied(self, code: int, text: bytes) -> None:
        try:
            self._since = self._loop.time()
            if self._unwritten:
                self._write_the_rest()
            if not self._expected:
                self._wire.break_off()  # an answer to nothing; 421 among them, before the server hangs up
                return
            stage, mail = self._expected.popleft()
            goes_on = stage is _DATA and code == _START_MAIL_INPUT
            if not (goes_on or code in _OK or code >= _REFUSED_FROM):
                self._wire.break_off()
            elif self._wire.more_follows and not self._expected and code < _REFUSED_FROM and stage is not _DOT:
                self._wire.break_off()  # an answer to what we have not said yet
            elif stage is _DOT:
                self._answered(mail, code, text)
            elif stage is _DATA:
                self._data_answered(mail, code, text)
            else:
                self._opened(stage, mail, code, text)
        except Exception as error:  # noqa: BLE001 - told to the feed
            self._broke(error)

    def _opened(self, stage: _Stage, mail: Mail, code: int, text: bytes) -> None:
        """A reply to RSET, MAIL or RCPT."""
        if code == _CLOSING and stage is not _RCPT and self._wire.carried:
            self._wire.break_off()  # the server had enough of this connection: no word on this mail
        elif code not in _OK:
            mail.refusal = mail.refusal or (code, text, At.RECIPIENT if stage is _RCPT else At.SENDER)
            if stage is _RESET or code == _CLOSING or not self._pipelining:
                self._refuse(mail)
        elif stage is _RCPT:
            mail.recipient_accepted = True
            if not self._pipelining:
                self._ask(_DATA, mail, b"DATA\r\n")
        elif stage is _MAIL:
            mail.sender_accepted = True
            if not self._pipelining:
                self._ask(_RCPT, mail, b"RCPT TO:<%b>\r\n" % mail.recipient)
        elif not self._pipelining:
            self._ask(_MAIL, mail, b"MAIL FROM:<%b>\r\n" % mail.sender)

    def _ask(self, stage: _Stage, mail: Mail, command: bytes) -> None:
        self._expected.append((stage, mail))
        self._wire.write(command)

    def _data_answered(self, mail: Mail, code: int, text: bytes) -> None:
        if code in _OK:
            self._wire.break_off()  # no text was asked for, none was sent: what does it say yes to?
        elif code != _START_MAIL_INPUT:
            mail.refusal = mail.refusal or (code, text, At.TEXT)
            self._refuse(mail)
        elif mail.refusal is None:
            self._hand_over(mail)
        elif mail.recipient_accepted:
            # MAIL was refused, yet the server waits for a text and has a recipient: an empty mail would go out.
            self._refuse(mail, hang_up=True)
        else:
            self._ask(_DOT, mail, b".\r\n")  # RFC 2920 §3.1: nobody to deliver to, so end the text at once

    def _refuse(self, mail: Mail, *, hang_up: bool = False) -> None:
        """The mail was refused before its text was handed over; the connection goes on where it can."""
        code, text, at = mail.refusal or (_CLOSING, b"", At.SENDER)
        self._behind = None
        self._wire.needs_reset = True
        self._feed.refused(mail, code, text, at=at)
        if hang_up or code == _CLOSING:  # 421 ends the connection (RFC 5321 §3.8)
            self._hang_up()
        else:
            self._start_next()

    def _answered(self, mail: Mail, code: int, text: bytes) -> None:
        """The reply to the final dot."""
        reached(CrashPoint.ANSWERED)
        wire = self._wire
        if mail.refusal is not None:  # the dot that ended nothing
            wire.needs_reset = False
            self._refuse(mail)
            return
        too_early = self._dot_is_unsent
        if too_early and code in _OK:  # it cannot have seen the dot: whose answer is this?
            self._feed.in_doubt(mail)
            self._handed_over = None
            self._hang_up(Ending.IN_DOUBT)
            return
        wire.carried += 1
        if code in _OK:
            self._feed.accepted(mail, text)
        else:
            self._feed.refused(mail, code, text, at=At.TEXT)
        self._handed_over = None
        if too_early or code == _CLOSING:
            self._hang_up()
        elif self._behind is None:
            self._start_next()

    def _hang_up(self, ending: Ending = Ending.LOST) -> None:
        """End the connection on purpose: what stands behind was not handed over."""
        self._wire.on_loss = None
        self._wire.break_off()
        self._give_back_behind()
        self._end(ending)

    # --- ends

    def _lost(self) -> None:
        """The connection is gone."""
        mail, unsent = self._handed_over, self._dot_is_unsent
        if mail is None and self._behind is not None and self._is_at_recipient(self._behind):
            broken_off, self._behind = self._behind, None
            self._feed.broken_off(broken_off)
            self._end(Ending.SILENT if self._is_late else Ending.BROKEN_OFF)
            return
        self._give_back_behind()
        if mail is not None and not unsent:
            self._feed.in_doubt(mail)
            self._end(Ending.IN_DOUBT)
            return
        if mail is not None:
            self._feed.give_back(mail)
        self._end(Ending.SILENT if self._is_late else Ending.LOST)

    def _is_at_recipient(self, mail: Mail) -> bool:
        """Whether it ended at this mail's recipient: silent, or fresh.

        A used connection may be lost for its age, and a further one as one too many.
        """
        return self._is_first and mail.sender_accepted and (self._is_late or not self._wire.carried)

    @property
    def _dot_is_unsent(self) -> bool:
        """Whether the final dot is surely still in our memory: something is, and no commands stand behind the dot."""
        wire = self._wire
        return wire.is_paused and wire.tells_unsent and bool(self._unwritten or self._behind is None)

    def _give_back_behind(self) -> None:
        if self._behind is not None:
            self._feed.give_back(self._behind)
            self._behind = None

    def _broke(self, error: Exception) -> None:
        self._feed.broke(error)
        self._wire.break_off()
        if not self._ended.done():
            self._lost()

    def _end(self, ending: Ending) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)

    def _look_at_time(self) -> None:
        """End a connection that gives no answer; a large text that still moves is waited for."""
        wire = self._wire
        limit = self._time_outs.final if self._handed_over is not None else self._time_outs.command
        if wire.is_paused and wire.unsent != self._unsent_then:
            self._since, self._unsent_then = self._loop.time(), wire.unsent
        self._write_the_rest()
        left = self._since + limit - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left + 0.001, self._look_at_time)
            return
        self._is_late = True
        wire.break_off()
