"""Replies that mail servers really give, and whose fault each is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.adapters.esp.replies import classify, reply_table
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


@pytest.mark.parametrize(
    ("basic", "text", "of_recipient", "fault", "mark"),
    [
        # Google, Yahoo and Microsoft, as their pages print them.
        (421, "4.7.27 Your email has been rate limited because SPF authentication didn't pass", BODY, Fault.SENDER, ""),
        (421, "4.7.30 Your email has been rate limited because DKIM authentication didn't pass", BODY, Fault.SENDER, ""),
        (421, "4.7.32 the From: header isn't aligned with either the authenticated SPF or DKIM", BODY, Fault.SENDER, ""),
        (550, "5.7.25 the IP address sending this message does not have a PTR record setup", BODY, Fault.SENDER, ""),
        (550, "5.7.28 Our system has detected an unusual rate of unsolicited mail", BODY, Fault.SENDER, "spam-block"),
        (550, "5.7.1 this message is likely unsolicited mail", BODY, Fault.MESSAGE, ""),
        (552, "5.7.0 This message was blocked because its content presents a potential security issue", BODY,
         Fault.MESSAGE, ""),
        (550, "5.2.1 The user you are trying to contact is receiving mail at a rate that", RCPT, Fault.MOMENT, ""),
        (553, "5.7.1 [BL21] Connections will not be accepted from 192.0.2.1", BODY, Fault.SENDER, "spam-block"),
        (554, "5.7.9 Message not accepted for policy reasons", BODY, Fault.MESSAGE, ""),
        (554, "delivery error: dd This user doesn't have a yahoo.com account", BODY, Fault.ADDRESS, ""),
        (550, "5.7.1 messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150)", BODY,
         Fault.SENDER, "spam-block"),
        (550, "5.7.649 Access denied, banned sending IP [192.0.2.1]", RCPT, Fault.SENDER, "spam-block"),
        (550, "5.4.1 Recipient address rejected: Access denied", RCPT, Fault.ADDRESS, ""),
        (550, "5.1.8 Access denied, bad outbound sender", BODY, Fault.SENDER, ""),
        (554, "5.2.252 SendAsDenied; box@brand.test not allowed to send as", BODY, Fault.SENDER, ""),
        (550, "5.7.705 Access denied, tenant has exceeded threshold", BODY, Fault.SENDER, ""),
        (554, "Message rejected: Email address is not verified. The following identities failed the check", BODY,
         Fault.SENDER, ""),
    ],
)  # fmt: skip
def test_the_large_services_own_codes_are_known(
    basic: int, text: str, of_recipient: bool, fault: Fault, mark: str
) -> None:
    verdict = classify(basic, text, of_recipient=of_recipient)
    assert (verdict.fault, verdict.is_throttling, verdict.is_known) == (fault, False, True)
    assert is_spam_block(verdict.code) == bool(mark)


@pytest.mark.parametrize(
    ("basic", "text"),
    [
        (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume"),
        (451, "4.7.650 The mail server has been temporarily rate limited due to IP reputation"),
        (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
        (451, "4.7.500 Server busy. Please try again later"),
    ],
)
def test_what_a_large_service_says_of_our_rate_holds_the_mailbox(basic: int, text: str) -> None:
    verdict = classify(basic, text, of_recipient=False)
    assert (verdict.fault, verdict.is_throttling, verdict.is_daily_quota) == (Fault.MOMENT, True, False)


@pytest.mark.parametrize(
    ("basic", "text", "fault", "code"),
    [
        (550, "5.9.9 Nobody saw this before", Fault.MESSAGE, "550 5.9.9"),
        (571, "no", Fault.MESSAGE, "571"),
        (499, "odd", Fault.MOMENT, "499"),
    ],
)
def test_an_unknown_code_is_judged_by_its_class_and_said_to_be_unknown(
    basic: int, text: str, fault: Fault, code: str
) -> None:
    verdict = classify(basic, text, of_recipient=False)
    assert (verdict.fault, verdict.code, verdict.is_known) == (fault, code, False)


def test_every_rule_of_the_table_has_a_source_and_the_table_a_version() -> None:
    table = reply_table()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", table.version)
    assert len(table.rules) > 25
    assert all(len(rule.source) > 10 for rule in table.rules)
    assert all(rule.basic or rule.first_digit or rule.enhanced for rule in table.rules)


@given(st.integers(400, 599), st.text(max_size=80), st.booleans())
def test_any_reply_has_a_verdict_whose_code_holds_nothing_of_its_text(basic: int, text: str, at: bool) -> None:
    verdict = classify(basic, text, of_recipient=at)
    assert re.fullmatch(r"[45]\d\d( [245]\.\d{1,3}\.\d{1,3})?( spam-block)?", verdict.code)


@pytest.mark.parametrize(
    ("basic", "text", "of_recipient", "fault", "mark"),
    [
        (550, "5.7.1 No such user!", RCPT, Fault.ADDRESS, ""),
        (550, "5.7.1 <x@example.com>: Recipient address rejected: User email address is marked as invalid.", RCPT,
         Fault.ADDRESS, ""),
        (550, "5.7.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table", RCPT,
         Fault.ADDRESS, ""),
        (550, "5.5.0 Requested action not taken: mailbox unavailable", RCPT, Fault.ADDRESS, ""),
        (551, "User not local; please try forwarding", RCPT, Fault.ADDRESS, ""),
        (550, "Account has been disabled", RCPT, Fault.ADDRESS, ""),
        (552, "5.1.1 Recipient over quota, mailbox full", RCPT, Fault.MOMENT, ""),
        (550, "5.7.1 Greylisted, please try again later", RCPT, Fault.MOMENT, ""),
        (554, "5.7.1 <x@example.com>: Recipient address rejected: Grey-listing in action", RCPT, Fault.MOMENT, ""),
        (550, "Temporarily refused, try again in 300 seconds", RCPT, Fault.MOMENT, ""),
        (550, "5.2.1 Mailbox unavailable. Your IP address 192.0.2.44 is on a block list", RCPT, Fault.SENDER, "spam-block"),
        (550, "5.7.1 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.", BODY,
         Fault.SENDER, "authentication"),
        (550, "5.7.1 Email rejected per DMARC policy for example.org", BODY, Fault.SENDER, "authentication"),
        (550, "5.2.0 Message rejected due to DMARC.", BODY, Fault.SENDER, "authentication"),
        (550, "5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS for 192.0.2.1",
         BODY, Fault.SENDER, "authentication"),
        (550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", RCPT, Fault.ADDRESS,
         "refuses-us"),
        (550, "5.7.124 RESOLVER.RST.RestrictedToGroupPermission; not authorized", BODY, Fault.ADDRESS, "refuses-us"),
        (550, "5.7.129 not authorized", RCPT, Fault.ADDRESS, "refuses-us"),
    ],
)  # fmt: skip
def test_plain_words_go_before_general_codes(
    basic: int, text: str, of_recipient: bool, fault: Fault, mark: str
) -> None:
    verdict = classify(basic, text, of_recipient=of_recipient)
    assert (verdict.fault, verdict.is_known) == (fault, True)
    assert verdict.code.partition(" ")[2].partition(" ")[2] == mark or verdict.code.endswith(mark)


def test_the_numbers_of_an_ip_address_are_no_enhanced_code() -> None:
    verdict = classify(554, "Blocked, see https://rbl.example/?ip=80.5.1.1", of_recipient=True)
    assert (verdict.fault in {Fault.SENDER, Fault.MESSAGE}, verdict.code.split()[0]) == (True, "554")
    assert "5.1.1" not in verdict.code


@pytest.mark.parametrize(
    ("basic", "text"),
    [
        (550, "5.1.7 <ann@brand.example>: Sender address rejected: undeliverable address: User unknown"),
        (550, "Verification failed for <ann@b.example> Response: 550 5.1.1 No such user here Sender verify failed"),
        (550, "5.1.0 <ann@brand.example> sender rejected: User unknown"),
        (501, "5.1.8 Sender address does not exist"),
        (550, "5.1.1 unknown sender address"),
    ],
)
def test_a_server_that_finds_our_own_address_dead_says_nothing_of_the_recipients(basic: int, text: str) -> None:
    assert classify(basic, text, of_recipient=True).fault is Fault.SENDER


@pytest.mark.parametrize(
    "text",
    [
        "5.1.1 <x@example.com>: Recipient address rejected: User unknown; sender ann@brand.example",
        "5.7.1 No such user!",
    ],
)
def test_a_reply_that_only_names_the_sender_is_about_the_recipient(text: str) -> None:
    assert classify(550, text, of_recipient=True).fault is Fault.ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        "5.7.1 Sender blocked by recipient",
        "5.7.1 Sender address blacklisted by user.",
        "5.7.1 <x@example.com>: the recipient has blocked messages from this sender",
        "5.7.1 Your address is on the recipient's Blocked Senders list",
    ],
)
def test_one_persons_own_list_is_that_persons_wish_and_no_spam_block(text: str) -> None:
    verdict = classify(550, text, of_recipient=True)
    assert (verdict.fault, verdict.code) == (Fault.ADDRESS, "550 5.7.1 refuses-us")


@pytest.mark.parametrize(
    "text", ["5.7.1 Sender domain blocked by recipient server", "5.7.1 sender blacklisted by user reports"]
)
def test_a_servers_own_list_stays_a_spam_block(text: str) -> None:
    assert classify(550, text, of_recipient=True).code == "550 5.7.1 spam-block"


@pytest.mark.parametrize(
    ("basic", "text"),
    [
        (553, "5.7.1 <ann@brand.example>: Sender address rejected: not owned by user bob@brand.example"),
        (553, "5.7.1 <ann@brand.example>: Sender address rejected: not logged in"),
        (553, "Relaying disallowed as ann@brand.example"),
        (553, "Sender is not allowed to relay emails"),
        (501, "mail from address must be same as authorization user"),
    ],
)
def test_a_log_in_that_may_not_send_as_the_mailbox_stops_the_mailbox_and_burns_no_lead(basic: int, text: str) -> None:
    verdict = classify(basic, text, of_recipient=True)
    assert (verdict.fault, verdict.is_known) == (Fault.SENDER, True)
