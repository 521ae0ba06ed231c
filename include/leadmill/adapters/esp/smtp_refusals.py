"""What a refusal means by the command that it answered: whom it can be about at all."""

from __future__ import annotations

import re
from dataclasses import replace

from leadmill.adapters.esp.replies import Verdict, classify
from leadmill.adapters.esp.smtp_mail import At
from leadmill.domain.messages import Fault
from leadmill.domain.weather import speaks_of_recipient

_OF_SYSTEM = re.compile(r"\b4\.(3\.\d+|1\.[78])\b")
"""Mail system status and the sender's address, whatever command they answer (RFC 3463 sections 3.2 and 3.4)."""

_GREYLISTING = re.compile(r"gr[ae]y.?list", re.IGNORECASE)


def classify_at(code: int, text: str, at: At) -> Verdict:
    """Whose fault a refusal is, by the table and by the command.

    MAIL FROM knows neither recipient nor text, so that its refusal is about us or the server (RFC 5321 section 3.3).
    What is said to a text may be said to any, unless the code names a mailbox or the words name greylisting.
    """
    verdict = classify(code, text, of_recipient=at is At.RECIPIENT)
    if verdict.fault is Fault.MOMENT:
        is_of_all = at is not At.RECIPIENT and not speaks_of_recipient(verdict.code) and not _GREYLISTING.search(text)
        return replace(verdict, is_about_server=is_of_all or _OF_SYSTEM.search(verdict.code) is not None)
    if at is At.SENDER and verdict.fault in {Fault.ADDRESS, Fault.MESSAGE}:
        return replace(verdict, fault=Fault.SENDER)
    return verdict
