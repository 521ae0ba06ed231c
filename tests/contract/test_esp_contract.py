"""One suite over every provider: SMTP on a real server, the APIs on servers that behave like them, SES on moto too."""

from __future__ import annotations

from email.utils import getaddresses

import pytest

from leadmill.domain.messages import Attachment, Fault, Frame, ReceiptStatus
from leadmill.errors import (
    ConfigInvalid,
    CredentialsRejected,
    ProviderThrottled,
    ProviderUnavailable,
    SenderSuspended,
)
from leadmill.ports.esp import Channel
from tests.blocking_sender import open_sender
from tests.contract.providers_under_test import (
    APIS,
    BATCHES,
    DATE,
    FAULTS,
    FRAME,
    PROVIDERS,
    SECRETS,
    Mailgun,
    Postmark,
    Provider,
    SendGrid,
    SesBulk,
    Smtp,
    batch_of,
    make_message,
    receipts_until_error,
    under_test,
)
from tests.provider_apis import Mailed

HOSTILE = (
    "{{s1}}", "{{{s1}}}", "{{", "}}", "\\{{s1}}", "-lm.1-", "%recipient.s1%", "%recipient.h0%", "%unsubscribe_url%",
    "<b>&amp;'\"</b>", "Łukasz 🦊 ﷽", "\u2028 line", "a" * 2_000, "", " two  spaces ", "back\\slash\\", "%d %s %%",
    "*|FNAME|*", "[[var]]", "${x}", "<%x%>",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
each_api = pytest.mark.parametrize("provider", APIS, ids=lambda p: p.name)
each_http = pytest.mark.parametrize("provider", [SendGrid, Mailgun, Postmark], ids=lambda p: p.name)
each_batching = pytest.mark.parametrize("provider", BATCHES, ids=lambda p: p.name)


def same_text(found: str, wanted: str) -> bool:
    """Whether two bodies read the same: mail ends its lines by CRLF, and its last one always."""
    lines = [text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") for text in (found, wanted)]
    return lines[0] == lines[1]


# --- accepted


@each_provider
def test_each_accepted_message_is_handed_over_once_and_has_the_providers_id(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send(batch_of("lead", "lead", "lead"))
        assert error is None
        assert {r.status for r in receipts.values()} == {ReceiptStatus.ACCEPTED}
        assert all(r.provider_message_id for r in receipts.values())


@each_provider
def test_the_provider_mails_exactly_what_we_rendered_whatever_the_values_hold(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        messages = [
            make_message(number, values=(value, f"https://edge.test/c/{number}", value))
            for number, value in enumerate(HOSTILE, 1)
        ]
        receipts, error = harness.send(messages)
        assert error is None
        assert {r.status for r in receipts.values()} == {ReceiptStatus.ACCEPTED}
        mailed = {int(mail.send_id): mail for mail in harness.taken()}
        for message in messages:
            mail: Mailed = mailed[message.send_id]
            assert mail.recipient == message.recipient
            assert "ann@brand.test" in mail.sender
            assert "Ann" in mail.sender
            assert mail.subject == " ".join(message.subject.split())
            assert same_text(mail.text, message.text)
            assert same_text(mail.html, message.html)
            assert {name.lower(): value for name, value in message.headers}.items() <= mail.headers.items()


@each_provider
def test_the_mail_carries_our_message_id_where_the_provider_keeps_it(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        harness.send([make_message(1), make_message(2)])
        if provider is not SesBulk:  # SES writes its own into every mail
            assert [mail.headers["message-id"] for mail in harness.taken()] == [
                "<lm.1.x@brand.test>",
                "<lm.2.x@brand.test>",
            ]


@each_provider
def test_attachments_go_with_the_mail(provider: type[Provider]) -> None:
    frame = Frame(FRAME.subject, FRAME.text, FRAME.html, (Attachment("plan.pdf", "application/pdf", b"%PDF-\x00\xff"),))
    with under_test(provider) as harness:
        messages = [make_message(number, frame=frame) for number in (1, 2)]
        harness.send(messages)
        if provider.name == "sendgrid":  # the API's body holds them once for all
            (request,) = harness.api.requests
            assert [file["filename"] for file in request.json["attachments"]] == ["plan.pdf"]
            return
        for mail in harness.taken():
            assert [(name, content) for name, _, content in mail.attachments] == [("plan.pdf", b"%PDF-\x00\xff")]


@each_provider
def test_a_line_break_in_an_address_or_header_is_refused_before_anything_is_handed_over(
    provider: type[Provider],
) -> None:
    with under_test(provider) as harness:
        messages = [
            make_message(1),
            make_message(2, "lead-2@people.test\r\nBcc: x@evil.test"),
            make_message(3, headers=(("List-Unsubscribe", "<x>\r\nBcc: x@evil.test"),)),
            make_message(4),
        ]
        receipts, error = harness.send(messages)
        assert error is None
        assert [receipts[n].status for n in (1, 4)] == [ReceiptStatus.ACCEPTED] * 2
        assert [(receipts[n].status, receipts[n].fault) for n in (2, 3)] == [
            (ReceiptStatus.REFUSED, Fault.MESSAGE)
        ] * 2  # fmt: skip


@each_provider
def test_a_line_break_in_a_subject_becomes_a_space(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, _ = harness.send([make_message(1, values=("x\r\nBcc: y@evil.test", "u", "h")), make_message(2)])
        assert receipts[1].status is ReceiptStatus.ACCEPTED
        (first,) = (mail for mail in harness.taken() if mail.send_id == "1")
        assert first.subject == "Grüße an x Bcc: y@evil.test"


@each_provider
def test_a_display_name_or_tag_with_line_breaks_and_addresses_adds_nothing_to_the_mail(
    provider: type[Provider],
) -> None:
    name = 'Ann" <x@evil.test>,\r\nBcc: y@evil.test\x00\u2028%recipient.x% {{s0}}'
    tags = {"campaign_id": '7\r\nBcc: z@evil.test, send_id=9"', "send_id": "9"}
    with under_test(provider) as harness:
        messages = [make_message(n, sender_name=name, tags=tags) for n in (1, 2)]
        receipts, error = harness.send(messages)
        assert error is None
        assert {receipt.status for receipt in receipts.values()} == {ReceiptStatus.ACCEPTED}
        for mail in harness.taken():
            assert mail.send_id in {"1", "2"}
            assert mail.recipient == f"lead-{mail.send_id}@people.test"
            assert not {"bcc", "cc", "x-evil"} & mail.headers.keys()
            assert "\n" not in mail.sender
            if provider.name != "sendgrid":  # there it is a field of its own, which nobody parses
                ((_, address),) = getaddresses([mail.sender])
                assert address == "ann@brand.test"


@each_provider
def test_a_sender_without_a_name_is_its_bare_address(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send([make_message(n, sender_name="") for n in (1, 2)])
        assert error is None
        assert {receipt.status for receipt in receipts.values()} == {ReceiptStatus.ACCEPTED}
        assert {mail.sender for mail in harness.taken()} == {"ann@brand.test"}


# --- refused


@pytest.mark.parametrize(
    ("provider", "kind", "fault"), FAULTS, ids=lambda value: getattr(value, "name", str(value))
)  # fmt: skip
def test_a_refusal_names_its_fault_and_does_not_stop_the_others(
    provider: type[Provider], kind: str, fault: Fault
) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send(batch_of(kind, "lead", "lead"))
        assert error is None
        assert (receipts[1].status, receipts[1].fault) == (ReceiptStatus.REFUSED, fault)
        assert receipts[1].code
        assert "@" not in receipts[1].code
        assert [receipts[n].status for n in (2, 3)] == [ReceiptStatus.ACCEPTED] * 2


@each_batching
def test_a_few_bad_recipients_neither_stop_nor_loop_a_batch(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        kinds = ["lead"] * 40
        kinds[7] = kinds[8] = kinds[31] = "reject"
        kinds[20] = "invalid"
        receipts, error = harness.send(batch_of(*kinds))
        assert error is None
        refused = {n for n, receipt in receipts.items() if receipt.status is ReceiptStatus.REFUSED}
        assert refused == {8, 9, 21, 32}
        assert len(harness.taken()) == 36
        assert len(harness.api.requests) <= 50


# --- the channel


@each_provider
def test_throttling_is_raised_with_a_wait_and_what_met_it_was_not_taken(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send(batch_of("lead", "slow", "lead"))
        assert isinstance(error, ProviderThrottled)
        assert error.retry_after is not None
        assert error.retry_after > 0
        assert 2 not in receipts or receipts[2].fault is Fault.MOMENT


@each_provider
def test_a_connection_lost_before_the_answer_is_a_doubt_and_ends_the_batch(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send(batch_of("lead", "mute"))
        assert receipts[2].status is ReceiptStatus.AMBIGUOUS
        assert isinstance(error, ProviderUnavailable)


@each_batching
def test_an_answer_later_than_the_time_out_makes_the_whole_call_a_doubt(provider: type[Provider]) -> None:
    with under_test(provider, timeout_seconds=0.8) as harness:
        receipts, _ = harness.send(batch_of("lead", "mute", "lead"))
        assert {receipt.status for receipt in receipts.values()} == {ReceiptStatus.AMBIGUOUS}
        assert len(receipts) == 3


@each_api
def test_a_time_out_after_the_hand_over_is_a_doubt_and_nothing_is_asked_again(provider: type[Provider]) -> None:
    with under_test(provider, timeout_seconds=0.8) as harness:  # boto3 would try a call three times by itself
        receipts, error = harness.send(batch_of("mute"))
        assert [receipt.status for receipt in receipts.values()] == [ReceiptStatus.AMBIGUOUS]
        assert isinstance(error, ProviderUnavailable)
        assert len(harness.api.requests) == 1


@each_provider
def test_refused_credentials_are_raised_without_showing_a_secret(provider: type[Provider]) -> None:
    with under_test(provider, "credentials") as harness:
        receipts, error = harness.send([make_message(1)])
        assert receipts == {}
        assert isinstance(error, CredentialsRejected)
        assert not any(word in str(error) for word in ("secret-key", "password", "@", "AKIA"))


@each_provider
def test_a_provider_that_cannot_be_reached_took_nothing(provider: type[Provider]) -> None:
    with under_test(provider, "unreachable") as harness:
        receipts, error = harness.send([make_message(1), make_message(2)])
        assert receipts == {}
        assert isinstance(error, ProviderUnavailable)


@each_api
def test_an_apis_own_failure_is_unavailable_but_a_gateways_is_a_doubt(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send(batch_of("failed", "lead"))
        assert receipts == {}
        assert isinstance(error, ProviderUnavailable)
        doubted, error = harness.send([make_message(8, "gateway-1@people.test")])
        assert doubted[8].status is ReceiptStatus.AMBIGUOUS
        assert isinstance(error, ProviderUnavailable)
        assert len(harness.api.requests) == 2  # nothing is repeated


@each_http
@pytest.mark.parametrize("status", [201, 204, 206, 502, 504, 520, 524])
def test_a_yes_that_the_provider_does_not_use_and_a_gateways_word_are_doubts(
    provider: type[Provider], status: int
) -> None:
    with under_test(provider) as harness:
        harness.api.answer = lambda _: (status, {}, b"")
        found, error = receipts_until_error(harness.esp, batch_of("lead", "lead"))
        assert isinstance(error, ProviderUnavailable)
        assert [receipt.status for receipt in found] == [ReceiptStatus.AMBIGUOUS] * 2
        assert len(harness.api.requests) == 1


@each_http
def test_a_redirect_is_not_followed_and_took_nothing(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        harness.api.answer = lambda _: (307, {"Location": "/elsewhere"}, b"")
        found, error = receipts_until_error(harness.esp, batch_of("lead", "lead"))
        assert isinstance(error, ProviderUnavailable)
        assert found == []
        assert len(harness.api.requests) == 1


@each_http
@pytest.mark.parametrize(
    ("header", "wait"), [("120", 120), ("7200", 3600), ("0", 30), ("soon", 30)], ids=["as asked", "long", "none", "odd"]
)
def test_retry_after_is_kept_up_to_an_hour(provider: type[Provider], header: str, wait: float) -> None:
    with under_test(provider) as harness:
        harness.api.extra_headers = {"Retry-After": header}
        _, error = harness.send(batch_of("slow"))
        assert isinstance(error, ProviderThrottled)
        assert error.retry_after == wait


@each_http
def test_a_rate_window_that_ends_tomorrow_is_looked_at_again_after_an_hour(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        tomorrow = str(int(DATE.timestamp()) + 86_400)  # a clock that is a day off says the same
        harness.api.extra_headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": tomorrow}
        harness.send([make_message(1)])
        _, error = harness.send([make_message(2)])
        assert isinstance(error, ProviderThrottled)
        assert 3500 < error.retry_after <= 3600


@each_api
def test_a_suspended_account_is_raised(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, error = harness.send(batch_of("lead", "stopped"))
        assert isinstance(error, SenderSuspended)
        assert 2 not in receipts


@each_batching
def test_messages_of_other_frames_and_senders_in_a_batch_are_told_apart(provider: type[Provider]) -> None:
    other = Frame(("Other ", 0), ("Other ", 1), ("<i>", 2, "</i>"))
    with under_test(provider) as harness:
        messages = [make_message(n, frame=FRAME if n % 2 else other) for n in range(1, 7)]
        messages += [
            make_message(7, sender_address="bob@brand.test", sender_name="Bob"),
            make_message(8, reply_to="r@b.test"),
        ]
        receipts, _ = harness.send(messages)
        assert {receipt.status for receipt in receipts.values()} == {ReceiptStatus.ACCEPTED}
        mailed = {int(mail.send_id): mail for mail in harness.taken()}
        assert [mailed[m.send_id].subject for m in messages] == [m.subject for m in messages]
        assert "bob@brand.test" in mailed[7].sender


@each_batching
def test_an_address_that_comes_twice_gets_both_mails_in_calls_of_their_own(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        messages = [make_message(n, "lead-1@people.test", values=(f"n{n}", "u", "h")) for n in (1, 2)]
        receipts, error = harness.send(messages)
        assert error is None
        assert {receipt.status for receipt in receipts.values()} == {ReceiptStatus.ACCEPTED}
        assert sorted((mail.send_id, mail.subject[-2:]) for mail in harness.taken()) == [("1", "n1"), ("2", "n2")]


def test_a_missing_secret_is_an_error_that_names_the_variable_only() -> None:
    channel = Channel(3, "sendgrid", {"host": "http://127.0.0.1:1"}, secret_ref="env:NOT_SET_ANYWHERE")
    sender = open_sender(channel, date=DATE)
    with pytest.raises(ConfigInvalid, match="NOT_SET_ANYWHERE"):
        list(sender.send([make_message(1)]))
    sender.close()


def test_every_provider_that_can_be_set_up_is_in_this_suite() -> None:
    from leadmill.domain.sending_policy import DEFAULT_POLICY

    assert {getattr(p, "provider", "smtp") for p in PROVIDERS} == set(DEFAULT_POLICY)
    assert Smtp in PROVIDERS
