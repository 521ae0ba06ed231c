"""Replies that mail servers really give, and whose fault each is."""

from __future__ import annotations

import pytest

from leadmill.adapters.esp.replies import classify
from leadmill.domain.dispatch import is_spam_block
from leadmill.domain.messages import Fault

RCPT, BODY = True, False


@pytest.mark.parametrize(
    ("basic", "text", "of_recipient", "fault", "code"),
    [
        (550, "5.1.1 The email account that you tried to reach does not exist", RCPT, Fault.ADDRESS, "550 5.1.1"),
        (550, "5.1.10 RESOLVER.ADR.RecipientNotFound", RCPT, Fault.ADDRESS, "550 5.1.10"),
        (550, "5.1.2 Bad destination system", BODY, Fault.ADDRESS, "550 5.1.2"),
        (550, "No such user here", RCPT, Fault.ADDRESS, "550"),
        (550, "Requested action not taken: mailbox unavailable", RCPT, Fault.MESSAGE, "550"),
        (556, "domain does not accept mail", RCPT, Fault.ADDRESS, "556"),
        (552, "5.2.2 mailbox full", RCPT, Fault.MOMENT, "552 5.2.2"),
        (452, "4.2.2 The recipient's mailbox is over quota", RCPT, Fault.MOMENT, "452 4.2.2"),
        (451, "4.7.1 Greylisted, try again in 5 minutes", RCPT, Fault.MOMENT, "451 4.7.1"),
        (450, "4.2.1 The user is receiving mail at a rate that prevents", RCPT, Fault.MOMENT, "450 4.2.1"),
        (450, "4.7.0 Recipient greylisted, try again later", RCPT, Fault.MOMENT, "450 4.7.0"),
        (451, "4.3.2 System of the recipient not accepting messages, try again later", RCPT, Fault.MOMENT, "451 4.3.2"),
        (450, "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages",
         RCPT, Fault.MOMENT, "450 4.2.1"),
        (452, "4.2.2 Too many messages in this mailbox", RCPT, Fault.MOMENT, "452 4.2.2"),
        (550, "5.7.26 This mail is unauthenticated", BODY, Fault.SENDER, "550 5.7.26"),
        (550, "5.7.515 Access denied, sending domain does not meet", BODY, Fault.SENDER, "550 5.7.515"),
        (554, "5.7.1 Relay access denied", RCPT, Fault.SENDER, "554 5.7.1"),
        (553, "5.7.1 message content rejected", BODY, Fault.MESSAGE, "553 5.7.1"),
        (554, "Message rejected: virus found", BODY, Fault.MESSAGE, "554"),
        (552, "5.3.4 message too big", BODY, Fault.MESSAGE, "552 5.3.4"),
    ],
)  # fmt: skip
def test_a_reply_names_whose_fault_it_is(basic: int, text: str, of_recipient: bool, fault: Fault, code: str) -> None:
    verdict = classify(basic, text, of_recipient=of_recipient)
    assert (verdict.fault, verdict.code, verdict.is_throttling) == (fault, code, False)


@pytest.mark.parametrize(
    "text",
    [
        "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "5.7.1 Your IP address is listed on our blacklist",
        "5.7.606 Access denied, banned sending IP; your host 192.0.2.1 is banned",
    ],
)
def test_a_blocklisted_sender_is_a_spam_block_and_never_the_addresss_fault(text: str) -> None:
    verdict = classify(554, text, of_recipient=True)
    assert verdict.fault is Fault.SENDER
    assert is_spam_block(verdict.code)


def test_a_missing_user_is_no_spam_block_though_the_reply_speaks_of_blocklists() -> None:
    verdict = classify(550, "5.1.1 unknown user; address not listed here, see the blacklist page", of_recipient=True)
    assert (verdict.fault, is_spam_block(verdict.code)) == (Fault.ADDRESS, False)


@pytest.mark.parametrize(
    ("basic", "text", "daily"),
    [
        (421, "4.7.0 Try again later, closing connection", False),
        (454, "Throttling failure: Maximum sending rate exceeded.", False),
        (454, "Throttling failure: Daily message quota exceeded.", True),
        (550, "5.4.5 Daily user sending limit exceeded", True),
        (421, "4.7.28 rate limited", False),
    ],
)
def test_a_server_that_asks_for_patience_is_throttling(basic: int, text: str, daily: bool) -> None:
    verdict = classify(basic, text, of_recipient=False)
    assert (verdict.fault, verdict.is_throttling, verdict.is_daily_quota) == (Fault.MOMENT, True, daily)


@pytest.mark.parametrize(
    ("basic", "text"),
    [
        (421, "4.7.0 Too many connections, try again later"),
        (450, "4.7.28 Our system has detected an unusual rate of mail originating from your IP address"),
        (450, "4.7.1 Too many messages from 192.0.2.1"),
        (454, "Throttling failure: Maximum sending rate exceeded."),
    ],
)
def test_what_speaks_of_our_own_rate_is_throttling_even_at_the_recipient(basic: int, text: str) -> None:
    verdict = classify(basic, text, of_recipient=True)
    assert (verdict.fault, verdict.is_throttling) == (Fault.MOMENT, True)


def test_a_code_never_holds_text_of_the_reply() -> None:
    assert classify(550, "5.1.1 <jane@corp.test> unknown", of_recipient=True).code == "550 5.1.1"
