"""Mails that come back: delivery status notifications, abuse reports, replies and automatic answers.

Forms: RFC 3464 and 6522 (DSN), RFC 5965 (ARF), RFC 3834 (automatic answers). Each is the same bytes at every making.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime

from leadmill.local.mail_world.chance import digest, uniform
from leadmill.local.mail_world.mails import Mail, body_of
from leadmill.local.mail_world.plan import Deed

_DSN_CODES = {
    Deed.BOUNCE_HARD: ("5.1.1", "550 5.1.1 The email account that you tried to reach does not exist"),
    Deed.BOUNCE_SOFT: ("4.2.2", "452 4.2.2 The recipient's inbox is out of storage space"),
    Deed.BOUNCE_BLOCKED: ("5.7.1", "550 5.7.1 Message refused by the recipient's policy"),
}
_REPLIES = (
    "Thanks for reaching out, this comes at the right moment. Could you send me a price list?",
    "Interesting. Can we talk next Tuesday at 10?",
    "I am not the right person for this, please ask our purchasing department.",
    "Please tell me more about how this works with what we have in place.",
    "No, thank you, we have just signed with somebody else.",
)


def delivery_status(mail: Mail, original: bytes, deed: Deed, *, at: float, seed: int) -> bytes:
    """A DSN about a mail that could not be delivered after it had been accepted."""
    status, diagnostic = _DSN_CODES[deed]
    domain = mail.recipient.rpartition("@")[2]
    boundary = digest(seed, "dsn boundary", mail.message_id, mail.recipient)
    return _lines(
        "Return-Path: <>",
        f"From: Mail Delivery Subsystem <MAILER-DAEMON@mx.{domain}>",
        f"To: <{mail.sender}>",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {_date(at)}",
        f"Message-ID: <{digest(seed, 'dsn', mail.message_id, mail.recipient)}@mx.{domain}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This is the mail system. Your message could not be delivered to one recipient.",
        "",
        f"<{mail.recipient}>: {diagnostic}",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; mx.{domain}",
        f"Arrival-Date: {_date(mail.received_at)}",
        "",
        f"Final-Recipient: rfc822; {mail.recipient}",
        f"Original-Recipient: rfc822; {mail.recipient}",
        "Action: failed",
        f"Status: {status}",
        f"Remote-MTA: dns; mx.{domain}",
        f"Diagnostic-Code: smtp; {diagnostic}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
        headers=original,
        end=f"--{boundary}--",
    )


def abuse_report(mail: Mail, original: bytes, *, at: float, seed: int) -> bytes:
    """A complaint as a mailbox provider's feedback loop sends it."""
    domain = mail.recipient.rpartition("@")[2]
    boundary = digest(seed, "arf boundary", mail.message_id, mail.recipient)
    return _lines(
        f"From: Feedback Loop <fbl@{domain}>",
        f"To: <abuse@{mail.sender_domain}>",
        f"Subject: FW: {_encoded(mail.subject)}",
        f"Date: {_date(at)}",
        f"Message-ID: <{digest(seed, 'arf', mail.message_id, mail.recipient)}@{domain}>",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=feedback-report; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This is an email abuse report for a message that one of our users marked as spam.",
        "",
        f"--{boundary}",
        "Content-Type: message/feedback-report",
        "",
        "Feedback-Type: abuse",
        "User-Agent: MailWorld-FBL/1.0",
        "Version: 1",
        f"Original-Mail-From: <{mail.sender}>",
        f"Original-Rcpt-To: <{mail.recipient}>",
        f"Arrival-Date: {_date(mail.received_at)}",
        f"Reported-Domain: {mail.sender_domain}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
        headers=original,
        end=f"--{boundary}--",
    )


def reply(mail: Mail, original: EmailMessage, *, at: float, seed: int) -> bytes:
    """A person's answer, with the message quoted below as mail clients do."""
    words = _REPLIES[int(uniform(seed, "reply text", mail.recipient, mail.message_id) * len(_REPLIES))]
    quoted = "\n".join(f"> {line}" for line in body_of(original, "plain").strip().splitlines())
    written = datetime.fromtimestamp(mail.received_at, UTC)
    text = f"{words}\n\nOn {written:%a, %d %b %Y at %H:%M}, {original['From']} wrote:\n{quoted}\n"
    answer = _answer(mail, original, text, at=at, name=digest(seed, "reply", mail.message_id, mail.recipient))
    answer["Subject"] = f"Re: {_encoded(mail.subject)}"
    return answer.as_bytes()


def auto_reply(mail: Mail, original: EmailMessage, *, at: float, seed: int) -> bytes:
    """An out-of-office notice."""
    text = "I am out of the office with no access to my mail. In urgent cases please call our front desk.\n"
    answer = _answer(mail, original, text, at=at, name=digest(seed, "ooo", mail.message_id, mail.recipient))
    answer["Subject"] = f"Automatic reply: {_encoded(mail.subject)}"
    answer["Auto-Submitted"] = "auto-replied"
    answer["X-Auto-Response-Suppress"] = "All"
    answer["Precedence"] = "auto_reply"
    return answer.as_bytes()


def _answer(mail: Mail, original: EmailMessage, text: str, *, at: float, name: str) -> EmailMessage:
    answer = EmailMessage()
    answer["From"] = mail.recipient
    answer["To"] = str(original.get("Reply-To") or original.get("From") or mail.sender)
    answer["Date"] = _date(at)
    answer["Message-ID"] = f"<{name}@{mail.recipient.rpartition('@')[2]}>"
    answer["In-Reply-To"] = mail.message_id
    answer["References"] = mail.message_id
    answer.set_content(text)
    return answer


def _lines(*lines: str, headers: bytes, end: str) -> bytes:
    block = headers.partition(b"\r\n\r\n")[0]
    return b"\r\n".join([*(line.encode() for line in lines), block, b"", end.encode(), b""])


def _date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC))


def _encoded(subject: str) -> str:
    flat = " ".join(subject.split())
    return flat if flat.isascii() else Header(flat, "utf-8", maxlinelen=10_000).encode()


def short_name(name: str) -> str:
    """22 URL-safe characters from 32 hex digits."""
    return base64.urlsafe_b64encode(bytes.fromhex(name)).decode().rstrip("=")
