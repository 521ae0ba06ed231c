"""What each API adapter puts into its calls, and what it makes of the answers that are its provider's alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from leadmill.adapters.esp.ses_answers import BULK_STATUSES, channel_error, fault_of
from leadmill.adapters.esp.ses_client import send_bulk, ses_client
from leadmill.domain.messages import Fault, Frame, ReceiptStatus
from leadmill.errors import (
    ConfigInvalid,
    CredentialsRejected,
    ProviderThrottled,
    ProviderUnavailable,
    SenderSuspended,
    SendingBroke,
)
from leadmill.ports.esp import Channel
from tests.blocking_sender import open_sender
from tests.contract.providers_under_test import (
    DATE,
    FRAME,
    SECRETS,
    Harness,
    Mailgun,
    Postmark,
    Provider,
    SendGrid,
    SesBulk,
    SesSingle,
    batch_of,
    make_message,
    receipts_until_error,
    under_test,
)
from tests.provider_apis import Answer, Request, form_of


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def bodies(harness: Harness) -> list[Any]:
    assert harness.api is not None
    return [request.json for request in harness.api.requests]


def answering(harness: Harness, answer: Callable[[Request], Answer]) -> None:
    harness.api.answer = answer  # type: ignore[union-attr, method-assign]


def statuses(receipts: dict[int, Any]) -> set[ReceiptStatus]:
    return {receipt.status for receipt in receipts.values()}


# --- Amazon SES


def test_ses_gets_fifty_entries_a_call_with_tags_configuration_set_and_tenant() -> None:
    with under_test(SesBulk) as harness:
        messages = [make_message(n, tags={"campaign_id": "7", "odd tag": "a b"}) for n in range(1, 121)]
        receipts, _ = harness.send(messages)
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}
        calls = bodies(harness)
        assert [len(body["BulkEmailEntries"]) for body in calls] == [50, 50, 20]
        assert {(body["ConfigurationSetName"], body["TenantName"]) for body in calls} == {("main", "acme")}
        assert calls[0]["FromEmailAddress"] == "Ann <ann@brand.test>"
        assert calls[0]["BulkEmailEntries"][4]["ReplacementTags"] == [
            {"Name": "campaign_id", "Value": "7"}, {"Name": "odd-tag", "Value": "a-b"}, {"Name": "send_id", "Value": "5-x"}
        ]  # fmt: skip


def test_headers_that_all_entries_share_stand_in_the_template_once() -> None:
    with under_test(SesBulk) as harness:
        harness.send(
            [make_message(n, headers=(("List-Unsubscribe", f"<https://e.test/u/{n}>"), ("Feedback-ID", "c7:s1:v2:lm")))
             for n in (1, 2)]
        )  # fmt: skip
        (body,) = bodies(harness)
        assert body["DefaultContent"]["Template"]["Headers"] == [{"Name": "Feedback-ID", "Value": "c7:s1:v2:lm"}]
        assert [[header["Name"] for header in entry["ReplacementHeaders"]] for entry in body["BulkEmailEntries"]] == [
            ["List-Unsubscribe"], ["List-Unsubscribe"]
        ]  # fmt: skip
        assert harness.taken()[0].headers == {"list-unsubscribe": "<https://e.test/u/1>", "feedback-id": "c7:s1:v2:lm"}


def test_ses_raw_carries_tags_and_the_mail_as_it_was_rendered() -> None:
    with under_test(SesSingle) as harness:
        harness.send([make_message(5)])
        (body,) = bodies(harness)
        assert body["EmailTags"] == [{"Name": "campaign_id", "Value": "7"}, {"Name": "send_id", "Value": "5-x"}]
        assert (body["ConfigurationSetName"], body["TenantName"]) == ("main", "acme")
        raw = base64.b64decode(body["Content"]["Raw"]["Data"])
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw


@pytest.mark.parametrize(
    "frame",
    [
        Frame(("a {{b}} ", 0), ("t ", 0, 1, 2), ("h",)),
        Frame(("s ", 0), ("t {", 1, "}"), ("h ", 2)),
        Frame(("s ", 0), ("t \\", 1), ("h ", 2)),
        Frame(("s ", 0), ("t ", 1), ("x" * 600_000, 2)),
    ],
    ids=["own braces", "brace beside a slot", "backslash before a slot", "too large"],
)
def test_a_frame_that_a_template_could_change_goes_raw(frame: Frame) -> None:
    with under_test(SesBulk) as harness:
        receipts, _ = harness.send([make_message(n, frame=frame) for n in (1, 2)])
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}
        assert all(request.path.endswith("/outbound-emails") for request in harness.api.requests)
        assert [mail.subject for mail in harness.taken()] == [make_message(n, frame=frame).subject for n in (1, 2)]


def test_a_call_stays_below_sess_megabyte() -> None:
    with under_test(SesBulk) as harness:
        harness.send([make_message(n, values=("ü" * 20_000, "u", "h")) for n in range(1, 11)])
        assert len(harness.api.requests) > 1
        assert max(len(request.body) for request in harness.api.requests) < 1_000_000


def test_every_status_of_a_bulk_entry_has_a_meaning() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sesv2")
    for status in set(model.shape_for("BulkEmailStatus").enum) - {"SUCCESS"}:
        code = BULK_STATUSES[status]
        about = channel_error("lane", "send 1", code, "")
        assert about is not None or fault_of(code, "") in {Fault.MESSAGE, Fault.SENDER, Fault.MOMENT}
    assert isinstance(channel_error("", "", BULK_STATUSES["ACCOUNT_SUSPENDED"], ""), SenderSuspended)
    assert isinstance(channel_error("", "", BULK_STATUSES["CONFIGURATION_SET_NOT_FOUND"], ""), SenderSuspended)


def test_entries_that_ses_throttles_are_given_back_and_those_it_took_are_kept() -> None:
    with under_test(SesBulk) as harness:
        receipts, error = harness.send(batch_of("lead", "slow", "lead", "quota", "later"))
        assert {n: receipt.status for n, receipt in receipts.items()} == {
            1: ReceiptStatus.ACCEPTED, 3: ReceiptStatus.ACCEPTED, 5: ReceiptStatus.REFUSED
        }  # fmt: skip
        assert receipts[5].fault is Fault.MOMENT
        assert isinstance(error, ProviderThrottled)


def test_an_exhausted_ses_quota_waits_for_an_hour() -> None:
    for provider in (SesSingle, SesBulk):
        with under_test(provider) as harness:
            _, error = harness.send(batch_of("quota", "quota"))
            assert isinstance(error, ProviderThrottled)
            assert error.retry_after == 3600


def test_an_entry_without_a_result_or_with_an_unknown_status_is_a_doubt() -> None:
    with under_test(SesBulk) as harness:
        results = [{"Status": "SUCCESS", "MessageId": "a"}, {"Status": "SOMETHING_NEW"}]
        answering(harness, lambda _: (200, {}, json.dumps({"BulkEmailEntryResults": results}).encode()))
        found, error = receipts_until_error(harness.esp, batch_of("lead", "lead", "lead"))
        assert isinstance(error, ProviderUnavailable)
        assert [receipt.status for receipt in found] == [
            ReceiptStatus.ACCEPTED,
            ReceiptStatus.AMBIGUOUS,
            ReceiptStatus.AMBIGUOUS,
        ]


def test_a_key_that_may_only_send_single_mails_sends_them_one_by_one() -> None:
    with under_test(SesBulk, "no bulk") as harness:
        receipts, error = harness.send(batch_of("lead", "lead", "lead"))
        assert error is None
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}
        harness.send([make_message(n) for n in (4, 5)])
        assert sum(request.path.endswith("bulk-emails") for request in harness.api.requests) == 1


def test_the_body_we_write_for_a_bulk_call_is_the_one_boto3_writes() -> None:
    written: list[bytes] = []

    def keep(request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        written.append(request.body)
        answer = AWSResponse(request.url, 200, {}, None)
        answer._content = b'{"BulkEmailEntryResults": []}'
        return answer

    client = ses_client(region="eu-west-1", endpoint_url=None, secret="AKIA:key", timeout_seconds=1, connections=1)
    client.meta.events.register("before-send.sesv2", keep)
    parameters: Any = {
        "FromEmailAddress": "Ann <ann@brand.test>",
        "ReplyToAddresses": [],
        "DefaultContent": {
            "Template": {"TemplateContent": {"Subject": "ü {{s0}}"}, "TemplateData": "{}", "Headers": []}
        },
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": ["lead@people.test"]},
                "ReplacementTags": [{"Name": "send_id", "Value": "1"}],
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"s0":"é"}'}},
                "ReplacementHeaders": [{"Name": "X-A", "Value": "b"}],
            }
        ],
        "ConfigurationSetName": "main",
        "TenantName": "acme",
    }
    send_bulk(client, parameters)
    client.send_bulk_email(**parameters)
    ours, theirs = (json.loads(body) for body in written)
    assert ours == theirs == parameters


def test_ses_on_moto_accepts_a_verified_sender_and_blames_an_unverified_one() -> None:
    from moto import mock_aws
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ses.models import ses_backends

    with mock_aws():
        import boto3

        boto3.client("sesv2", region_name="us-east-1").create_email_identity(EmailIdentity="brand.test")
        sender = open_sender(Channel(3, "ses", {}, secret_ref="TEST_SES_SECRET"), date=DATE)
        accepted, refused = sender.send([make_message(1), make_message(2, sender_address="x@other.test")])
        sender.close()
        assert accepted.status is ReceiptStatus.ACCEPTED
        sent = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
        assert [m.id for m in sent] == [accepted.provider_message_id]
        assert (refused.status, refused.fault, refused.code) == (
            ReceiptStatus.REFUSED, Fault.SENDER, "MessageRejected"
        )  # fmt: skip


# --- SendGrid


def test_sendgrid_gets_plain_personalizations_with_the_send_id_and_no_tracking_of_its_own() -> None:
    with under_test(SendGrid) as harness:
        receipts, _ = harness.send([make_message(n, reply_to="re@brand.test") for n in (5, 6)])
        assert {receipt.provider_message_id for receipt in receipts.values()} == {"14c5d75ce93"}
        (request,) = harness.api.requests
        assert request.path == "/v3/mail/send"
        assert request.headers["authorization"] == "Bearer SG.very-secret-key"
        first = request.json["personalizations"][0]
        assert first["to"] == [{"email": "lead-5@people.test"}]
        assert first["custom_args"] == {"send_id": "5-x", "campaign_id": "7"}
        assert first["headers"]["List-Unsubscribe"] == "<https://edge.test/u/1>"
        assert first["headers"]["Message-ID"] == "<lm.5.x@brand.test>"
        assert request.json["reply_to"] == {"email": "re@brand.test"}
        assert request.json["tracking_settings"]["click_tracking"]["enable"] is False


def test_a_sendgrid_call_holds_a_thousand_and_fewer_where_slots_are_many() -> None:
    many = Frame(("s",), tuple(range(20)), ("h",))
    with under_test(SendGrid) as harness:
        harness.send([make_message(n) for n in range(1, 1003)])
        assert [len(body["personalizations"]) for body in bodies(harness)] == [1000, 2]
        harness.api.requests.clear()
        harness.send([make_message(n, frame=many, values=("v",) * 20) for n in range(2001, 2602)])
        assert [len(body["personalizations"]) for body in bodies(harness)] == [500, 101]


def test_values_too_long_for_substitutions_go_alone_and_whole() -> None:
    with under_test(SendGrid) as harness:
        receipts, _ = harness.send([make_message(1), make_message(2, values=("ü" * 6_000, "u", "h")), make_message(3)])
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}
        assert sorted(len(body["personalizations"]) for body in bodies(harness)) == [1, 2]
        assert next(m for m in harness.taken() if m.send_id == "2").subject.endswith("üüü")


def test_a_used_up_rate_window_stops_the_next_call_before_it_is_made() -> None:
    with under_test(SendGrid) as harness:
        harness.api.extra_headers = {
            "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": str(int(DATE.timestamp()) + 17)
        }  # fmt: skip
        for send_id in (1, 2):
            receipts, error = harness.send([make_message(send_id)])
            assert error is None
        harness.api.extra_headers["X-RateLimit-Remaining"] = "0"
        receipts, error = harness.send([make_message(3)])
        assert receipts == {}
        assert isinstance(error, ProviderThrottled)
        assert 10 < error.retry_after <= 17
        assert len(harness.api.requests) == 2


def test_sendgrids_rate_limit_header_says_how_long_to_wait() -> None:
    with under_test(SendGrid) as harness:
        harness.api.extra_headers = {"X-RateLimit-Reset": str(int(DATE.timestamp()) + 17)}
        _, error = harness.send(batch_of("slow"))
        assert isinstance(error, ProviderThrottled)
        assert 10 < error.retry_after <= 17


def test_only_the_recipients_that_sendgrid_blames_are_left_out_of_the_second_call() -> None:
    with under_test(SendGrid) as harness:
        receipts, _ = harness.send(batch_of(*["lead"] * 30, "invalid", *["lead"] * 30, "invalid"))
        assert [n for n, r in receipts.items() if r.fault is Fault.ADDRESS] == [31, 62]
        assert [len(body["personalizations"]) for body in bodies(harness)] == [62, 60, 1, 1]


def test_the_sandbox_of_each_provider_is_a_setting() -> None:
    with under_test(SendGrid, sandbox=True) as harness:
        receipts, _ = harness.send([make_message(1), make_message(2)])
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}
        assert bodies(harness)[0]["mail_settings"] == {"sandbox_mode": {"enable": True}}
    with under_test(Mailgun, sandbox=True) as harness:
        harness.send([make_message(1), make_message(2)])
        assert ("o:testmode", "", b"yes") in form_of(harness.api.requests[0])
    with under_test(Postmark, sandbox=True) as harness:
        harness.send([make_message(1)])
        assert harness.api.requests[0].headers["x-postmark-server-token"] == "POSTMARK_API_TEST"


def test_a_mail_that_breaks_our_own_code_is_refused_alone() -> None:
    with under_test(SendGrid) as harness:
        receipts, error = harness.send([make_message(1), make_message(2, values=()), make_message(3)])
        assert error is None
        assert [(n, receipts[n].status, receipts[n].code) for n in (1, 2, 3)] == [
            (1, ReceiptStatus.ACCEPTED, ""), (2, ReceiptStatus.REFUSED, "building-broke"), (3, ReceiptStatus.ACCEPTED, "")
        ]  # fmt: skip


def test_a_batch_that_cannot_be_put_together_was_not_handed_over() -> None:
    with under_test(Postmark) as harness:
        receipts, error = harness.send([make_message(1), make_message(2, values=())])
        assert isinstance(error, SendingBroke)
        assert receipts == {}


# --- Mailgun


def test_mailgun_gets_one_form_for_many_with_each_ones_variables() -> None:
    with under_test(Mailgun) as harness:
        receipts, _ = harness.send([make_message(n, reply_to="re@brand.test") for n in (5, 6)])
        (request,) = harness.api.requests
        assert request.path == "/v3/brand.test/messages"
        assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"api:SG.very-secret-key"
        fields = form_of(request)
        assert [content for name, _, content in fields if name == "to"] == [
            b"lead-5@people.test",
            b"lead-6@people.test",
        ]
        assert ("o:tracking", "", b"no") in fields
        assert ("h:Reply-To", "", b"re@brand.test") in fields
        assert [receipts[n].provider_message_id for n in (5, 6)] == ["lm.5.x@brand.test", "lm.6.x@brand.test"]
        assert [mail.headers["message-id"] for mail in harness.taken()] == [
            "<lm.5.x@brand.test>",
            "<lm.6.x@brand.test>",
        ]


def test_a_mail_that_speaks_mailguns_language_goes_as_our_own_bytes() -> None:
    own = Frame(("100%", 0), ("%unsubscribe_url%", 1), ("h", 2))
    with under_test(Mailgun, domain="mg.brand.test") as harness:
        receipts, _ = harness.send([make_message(1, frame=own), make_message(2, frame=own)])
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}
        assert {request.path for request in harness.api.requests} == {"/v3/mg.brand.test/messages.mime"}
        assert [mail.subject for mail in harness.taken()] == ["100%Zoë", "100%Zoë"]
        assert receipts[1].provider_message_id == "lm.1.x@brand.test"


def test_mailguns_greeting_is_no_yes() -> None:
    with under_test(Mailgun) as harness:
        answering(harness, lambda _: (200, {}, b"Mailgun Magnificent API"))
        with pytest.raises(ConfigInvalid, match="endpoint"):
            list(harness.esp.send([make_message(1)]))


def test_a_domain_that_mailgun_does_not_know_is_the_senders_fault() -> None:
    with under_test(Mailgun) as harness:
        receipts, error = harness.send(batch_of("auth", "lead"))
        assert error is None
        assert {receipt.fault for receipt in receipts.values()} == {Fault.SENDER}


# --- Postmark


def test_postmark_gets_whole_mails_on_a_stream_and_keeps_our_message_id() -> None:
    with under_test(Postmark, stream="news") as harness:
        receipts, _ = harness.send([make_message(n, reply_to="re@brand.test") for n in (5, 6)])
        (body,) = bodies(harness)
        assert body[0] | {"TextBody": "", "HtmlBody": ""} == {
            "From": "Ann <ann@brand.test>",
            "To": "lead-5@people.test",
            "Subject": "Grüße an Zoë",
            "TextBody": "",
            "HtmlBody": "",
            "Headers": [
                {"Name": "Message-ID", "Value": "<lm.5.x@brand.test>"},
                {"Name": "List-Unsubscribe", "Value": "<https://edge.test/u/1>"},
                {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
                {"Name": "Feedback-ID", "Value": "c7:s1:v2:lm12345678"},
                {"Name": "X-PM-KeepID", "Value": "true"},
            ],
            "Metadata": {"send_id": "5-x", "campaign_id": "7"},
            "MessageStream": "news",
            "ReplyTo": "re@brand.test",
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        assert receipts[5].provider_message_id == "pm-5"


def test_a_postmark_call_holds_five_hundred() -> None:
    with under_test(Postmark) as harness:
        harness.send([make_message(n) for n in range(1, 502)])
        assert [len(body) for body in bodies(harness)] == [500, 1]


def test_a_batch_that_postmark_refuses_as_a_whole_is_halved_until_each_has_its_answer() -> None:
    with under_test(Postmark, "422") as harness:
        receipts, error = harness.send(batch_of(*["lead"] * 5))
        assert error is None
        assert statuses(receipts) == {ReceiptStatus.ACCEPTED}


def test_postmarks_own_500_is_a_doubt() -> None:
    with under_test(Postmark) as harness:
        answering(harness, lambda _: (500, {}, b""))
        found, error = receipts_until_error(harness.esp, batch_of("lead", "lead"))
        assert isinstance(error, ProviderUnavailable)
        assert [receipt.status for receipt in found] == [ReceiptStatus.AMBIGUOUS] * 2


def test_a_refused_token_inside_a_batch_is_the_accounts_trouble() -> None:
    with under_test(Postmark) as harness:
        answer = json.dumps([{"ErrorCode": 10, "Message": "Bad or missing API token."}]).encode()
        answering(harness, lambda _: (200, {}, answer))
        with pytest.raises(CredentialsRejected):
            list(harness.esp.send([make_message(1)]))


# --- codes that no table knows


@pytest.mark.parametrize(
    ("provider", "answer", "code"),
    [
        (SesSingle, (400, {"x-amzn-ErrorType": "BrandNewException"}, b'{"message": "no"}'), "BrandNewException"),
        (SesSingle, (400, {"x-amzn-ErrorType": "N" * 200}, b"{}"), "N" * 60),
        (SendGrid, (418, {}, b"{}"), "http-418"),
        (Mailgun, (418, {}, b"{}"), "http-418"),
        (Postmark, (418, {}, b"{}"), "http-418"),
        (Postmark, (422, {}, b'{"ErrorCode": 777, "Message": "x@people.test"}'), "postmark-777"),
        (Postmark, (200, {}, b'[{"ErrorCode": 777, "Message": "x@people.test"}]'), "postmark-777"),
    ],
)
def test_a_refusal_that_no_table_knows_is_of_that_mail_and_said_to_be_unknown(
    provider: type[Provider], answer: Answer, code: str
) -> None:
    with under_test(provider) as harness:
        answering(harness, lambda _: answer)
        (receipt,) = harness.esp.send([make_message(1)])
        assert (receipt.status, receipt.fault, receipt.code) == (ReceiptStatus.REFUSED, Fault.MESSAGE, code)
        assert receipt.is_unknown


@pytest.mark.parametrize("provider", [SesSingle, SesBulk, SendGrid, Mailgun, Postmark], ids=lambda p: p.name)
def test_refusals_that_the_tables_know_are_not_said_to_be_unknown(provider: type[Provider]) -> None:
    with under_test(provider) as harness:
        receipts, _ = harness.send(batch_of(*provider.faults, "lead"))
        assert not any(receipt.is_unknown for receipt in receipts.values())


@pytest.mark.parametrize(
    "address",
    ["http://api.sendgrid.test", "ftp://127.0.0.1", "api.sendgrid.test", "https://", "http://[::1", "//x.test"],
)
@pytest.mark.parametrize("provider", [SesSingle, SendGrid, Mailgun, Postmark], ids=lambda p: p.name)
def test_no_key_goes_to_an_address_where_others_could_read_it(provider: type[Provider], address: str) -> None:
    with (
        pytest.raises(ConfigInvalid, match="https"),
        under_test(provider, **{provider.host_setting: address}) as harness,
    ):
        list(harness.esp.send([make_message(1)]))


# --- what comes back in webhooks is what was put into the mail


def test_the_send_id_stands_where_each_providers_webhook_is_read_for_it() -> None:
    from leadmill.adapters.webhooks.mailgun import MAILGUN
    from leadmill.adapters.webhooks.postmark import POSTMARK
    from leadmill.adapters.webhooks.sendgrid import SENDGRID
    from leadmill.adapters.webhooks.ses import SES

    assert "send_id" in SES.fields["mail"]["tags"]
    assert "send_id" in SENDGRID.fields
    assert "send_id" in MAILGUN.fields["event-data"]["user-variables"]
    assert "send_id" in POSTMARK.fields["Metadata"]
    with under_test(Mailgun) as harness:
        harness.send([make_message(5)])
        assert ("v:send_id", "", b"5-x") in form_of(harness.api.requests[0])


def test_fewer_a_batch_is_a_setting() -> None:
    for provider, most in ((SesBulk, 50), (SendGrid, 1000), (Mailgun, 1000), (Postmark, 500)):
        with under_test(provider) as harness:
            assert harness.esp.esp.batch_size == most
        with under_test(provider, batch_size=7) as harness:
            assert harness.esp.esp.batch_size == 7
    assert FRAME.attachments == ()
