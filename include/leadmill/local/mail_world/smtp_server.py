"""The mail server that everybody's mail arrives at: real SMTP sessions, with the refusals that a population causes."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from leadmill.local.mail_world.journal import Journal
from leadmill.local.mail_world.mails import Mail, Relay, read_headers
from leadmill.local.mail_world.options import WorldOptions
from leadmill.local.mail_world.provider_events import relay_id
from leadmill.local.mail_world.quick_smtp import QuickSmtp
from leadmill.local.mail_world.temperament import Fate, temperament

_GREYLIST_SECONDS = 1.0
_UNKNOWN_USER = "550 5.1.1 User unknown in this mailbox table"
_GREYLISTED = "451 4.7.1 Greylisted, please try again later"
_BLOCKED = "550 5.7.1 Message refused due to the sender's reputation"


class Receiver:
    """aiosmtpd's handler: refuses at RCPT or after DATA what plain SMTP would refuse, keeps the rest."""

    def __init__(self, options: WorldOptions, journal: Journal, meet: Callable[[Mail], None]) -> None:
        self._options = options
        self._journal = journal
        self._meet = meet

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, auth_data: object
    ) -> AuthResult:
        """PLAIN and LOGIN: any user with the world's password."""
        if mechanism not in {"PLAIN", "LOGIN"} or not isinstance(auth_data, LoginPassword):
            return AuthResult(success=False, handled=False)
        wanted = self._options.password.encode()
        # "handled" would mean that the refusal has been sent already: aiosmtpd would then keep silent.
        return AuthResult(success=not wanted or auth_data.password == wanted, handled=False, auth_data=auth_data)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer pipelining: the reader keeps what a client sends ahead (RFC 2920)."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient. A provider's relay takes everybody and reports later."""
        sender = (envelope.mail_from or "").lower()
        # Headers come later: a domain whose mails were relayed before is taken to be relayed now.
        usual = self._journal.relays.get(sender.rpartition("@")[2], Relay.SMTP)
        if self._options.population and {usual, self._relay_of(session, sender)} == {Relay.SMTP}:
            refusal = self._refusal(sender, address)
            if refusal:
                code = " ".join(refusal.split()[:2])
                self._journal.note_refusal(at=time.time(), sender=sender, recipient=address, code=code)
                return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep one copy per recipient; the answer carries the relay's id."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        headers = read_headers(content)
        sender = (envelope.mail_from or "").lower()
        relay = headers.relay or self._relay_of(session, sender)
        population = self._options.population
        if population and relay is Relay.SMTP and self._is_blocked(sender, envelope.rcpt_tos, headers.message_id):
            for recipient in envelope.rcpt_tos:
                self._journal.note_refusal(at=time.time(), sender=sender, recipient=recipient, code="550 5.7.1")
            return _BLOCKED
        queue_id = ""
        for recipient in envelope.rcpt_tos:
            queue_id = relay_id(relay, self._options.seed, headers.message_id, recipient, str(len(self._journal.mails)))
            mail = self._journal.keep(
                content,
                headers,
                received_at=time.time(),
                sender=sender,
                recipient=recipient,
                relay=relay,
                relay_id=queue_id,
            )
            if population:
                self._meet(mail)
        return f"250 Ok {queue_id}" if relay is Relay.SES else f"250 2.0.0 Ok: queued as {queue_id}"

    def _relay_of(self, session: Session, sender: str) -> Relay:
        domain = sender.rpartition("@")[2]
        login = getattr(session.auth_data, "login", b"") or b""
        if domain in self._options.ses_domains or login.startswith(b"AKIA"):
            return Relay.SES
        if domain in self._options.sendgrid_domains or login == b"apikey":
            return Relay.SENDGRID
        return Relay.SMTP

    def _bad_sender(self, sender: str) -> str:
        if self._options.bad_sender:
            return self._options.bad_sender
        if not self._journal.bad_sender:
            self._journal.note_bad_sender(sender)
        return self._journal.bad_sender

    def _refusal(self, sender: str, recipient: str) -> str:
        temper = temperament(
            self._options, sender=sender, recipient=recipient, message="", bad_sender=self._bad_sender(sender)
        )
        if temper.fate is Fate.UNKNOWN_USER:
            return _UNKNOWN_USER
        first_try = self._journal.greylisted.get((sender, recipient.lower()))
        if temper.greylists and (first_try is None or time.time() - first_try < _GREYLIST_SECONDS):
            return _GREYLISTED
        return ""

    def _is_blocked(self, sender: str, recipients: list[str], message_id: str) -> bool:
        bad_sender = self._bad_sender(sender)
        fates = (
            temperament(self._options, sender=sender, recipient=r, message=message_id, bad_sender=bad_sender).fate
            for r in recipients
        )
        return Fate.BLOCKED in fates


def smtp_factory(receiver: Receiver, tls: ssl.SSLContext | None) -> Callable[[], SMTP]:
    """Makes aiosmtpd's protocol for each connection: SIZE 32 MiB, AUTH in clear (loopback), STARTTLS with `tls`."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    arguments: dict[str, Any] = {
        "hostname": "mx.mail-world.example",
        "ident": "simulated recipients",
        "data_size_limit": 32 * 1024 * 1024,
        "authenticator": receiver.authenticate,
        "auth_require_tls": False,
        "auth_exclude_mechanism": [],
        "timeout": 120,
        "tls_context": tls,
        "enable_SMTPUTF8": True,
    }

    def make() -> SMTP:
        return QuickSmtp(receiver, loop=asyncio.get_running_loop(), **arguments)

    return make
