"""One suite over every provider: SMTP on a real server, SES on moto and on recorded answers, SendGrid on recorded ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any, ClassVar

import pytest

from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp.opening import OpenEsps
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import (
    ConfigInvalid,
    CredentialsRejected,
    LeadmillError,
    ProviderThrottled,
    ProviderUnavailable,
    SenderSuspended,
)
from leadmill.ports.esp import Channel, Esp
from tests.mail_servers import (
    PASSWORD,
    USER,
    HttpRecorder,
    Silence,
    SmtpRecorder,
    closed_port,
    http_server,
    smtp_server,
)

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def make_message(send_id: int = 1, recipient: str = "lead-1@people.test", **values: Any) -> OutgoingMessage:
    base = {
        "sender_address": "ann@brand.test",
        "sender_name": "Ann",
        "subject": "Grüße",
        "text": "Hello\n.\n..dots\nend",
        "html": "<p>Hello</p>",
        "message_id": f"<lm.{send_id}.x@brand.test>",
        "headers": (
            ("List-Unsubscribe", "<https://edge.test/u/1>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
        "tags": {"campaign_id": "7"},
    }
    return OutgoingMessage(send_id=send_id, recipient=recipient, **(base | values))


@dataclass
class Harness:
    """One provider under test. A recipient's local part says how its server answers (`unknown-…`, `mute-…` …)."""

    esp: Esp
    handed_over: Callable[[], list[str]]


class Provider:
    """Starts a harness of one provider; `trouble` names what is wrong with the channel."""

    name = ""
    faults: tuple[tuple[str, Fault], ...] = ()

    def start(self, stack: ExitStack, trouble: str = "") -> Harness:
        raise NotImplementedError


class Smtp(Provider):
    name = "smtp"
    faults = (("unknown", Fault.ADDRESS), ("reject", Fault.MESSAGE), ("auth", Fault.SENDER), ("grey", Fault.MOMENT))

    def start(self, stack: ExitStack, trouble: str = "") -> Harness:
        recorder = SmtpRecorder()
        port = stack.enter_context(smtp_server(recorder, auth=True)) if trouble != "unreachable" else closed_port()
        secret = "TEST_SMTP_WRONG" if trouble == "credentials" else "TEST_SMTP_SECRET"
        config = {"host": "127.0.0.1", "port": port, "tls": "none", "timeout_seconds": 5}
        channel = Channel(3, "smtp", config, user_name=USER, secret_ref=f"env:{secret}")
        return Harness(OpenEsps(to_bytes).open(channel, date=DATE), lambda: list(recorder.copies.elements()))


class Ses(Provider):
    name = "ses"
    faults = (("reject", Fault.MESSAGE), ("invalid", Fault.MESSAGE), ("auth", Fault.SENDER))
    ANSWERS: ClassVar = {
        "reject": (400, "MessageRejected", "Bad content"),
        "invalid": (400, "BadRequestException", "Illegal address"),
        "auth": (400, "MailFromDomainNotVerifiedException", "MAIL FROM"),
        "slow": (429, "TooManyRequestsException", "Maximum sending rate exceeded"),
        "quota": (400, "LimitExceededException", "Daily message quota exceeded"),
        "stopped": (400, "AccountSuspendedException", "suspended"),
        "failed": (500, "InternalServiceErrorException", "oops"),
        "gateway": (504, "", "gateway"),
    }

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        kind = body["Destination"]["ToAddresses"][0].partition("-")[0]
        if kind == "mute":
            raise Silence
        if self.trouble == "credentials":
            kind, status, code, text = "", 403, "UnrecognizedClientException", "The security token is invalid."
        elif kind in self.ANSWERS:
            status, code, text = self.ANSWERS[kind]
        else:
            return 200, {}, json.dumps({"MessageId": f"0102-{body['Destination']['ToAddresses'][0]}"}).encode()
        return status, {"x-amzn-ErrorType": code}, json.dumps({"message": text}).encode()

    def start(self, stack: ExitStack, trouble: str = "") -> Harness:
        self.trouble = trouble
        self.recorder = HttpRecorder(self.answer)
        url = stack.enter_context(http_server(self.recorder))
        endpoint = f"http://127.0.0.1:{closed_port()}" if trouble == "unreachable" else url
        config = {"region": "eu-central-1", "endpoint": endpoint, "configuration_set": "main", "timeout_seconds": 1}
        channel = Channel(3, "ses", config, secret_ref="env:TEST_SES_SECRET")
        return Harness(
            OpenEsps(to_bytes).open(channel, date=DATE),
            lambda: [body["Destination"]["ToAddresses"][0] for _, _, body in self.recorder.requests],
        )


class SendGrid(Provider):
    name = "sendgrid"
    faults = (("reject", Fault.MESSAGE), ("large", Fault.MESSAGE))
    ANSWERS: ClassVar = {"reject": 400, "large": 413, "slow": 429, "stopped": 403, "failed": 503, "gateway": 502}

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        kind = body["personalizations"][0]["to"][0]["email"].partition("-")[0]
        if kind == "mute":
            raise Silence
        status = 401 if self.trouble == "credentials" else self.ANSWERS.get(kind, 202)
        if status == 202:
            return 202, {"X-Message-Id": "14c5d75ce93"}, b""
        headers = {"X-RateLimit-Reset": str(int(DATE.timestamp()) + 17)} if status == 429 else {}
        return status, headers, json.dumps({"errors": [{"message": "no", "field": None}]}).encode()

    def start(self, stack: ExitStack, trouble: str = "") -> Harness:
        self.trouble = trouble
        self.recorder = HttpRecorder(self.answer)
        url = stack.enter_context(http_server(self.recorder))
        host = f"http://127.0.0.1:{closed_port()}" if trouble == "unreachable" else url
        channel = Channel(3, "sendgrid", {"host": host, "timeout_seconds": 1}, secret_ref="TEST_SENDGRID_KEY")
        return Harness(
            OpenEsps(to_bytes).open(channel, date=DATE),
            lambda: [body["personalizations"][0]["to"][0]["email"] for _, _, body in self.recorder.requests],
        )


PROVIDERS = [Smtp, Ses, SendGrid]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMTP_SECRET", PASSWORD)
    monkeypatch.setenv("TEST_SMTP_WRONG", "wrong-password")
    monkeypatch.setenv("TEST_SES_SECRET", "AKIATEST:very-secret-key")
    monkeypatch.setenv("TEST_SENDGRID_KEY", "SG.very-secret-key")


@contextmanager
def running(provider: type[Provider], trouble: str = "") -> Iterator[Harness]:
    with ExitStack() as stack:
        harness = provider().start(stack, trouble)
        stack.callback(harness.esp.close)
        yield harness


def receipts_until_error(esp: Esp, messages: list[OutgoingMessage]) -> tuple[list[Receipt], LeadmillError | None]:
    found = []
    try:
        for receipt in esp.send(messages):
            found.append(receipt)  # noqa: PERF402 - those before the error count
    except LeadmillError as error:
        return found, error
    return found, None


each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)


@each_provider
def test_each_accepted_message_is_handed_over_once_and_has_the_providers_id(provider: type[Provider]) -> None:
    with running(provider) as harness:
        messages = [make_message(n, f"lead-{n}@people.test") for n in range(1, 4)]
        receipts = list(harness.esp.send(messages))
        assert [(r.send_id, r.status) for r in receipts] == [(n, ReceiptStatus.ACCEPTED) for n in (1, 2, 3)]
        assert all(r.provider_message_id for r in receipts)
        assert sorted(harness.handed_over()) == [m.recipient for m in messages]


@pytest.mark.parametrize(
    ("provider", "kind", "fault"), [(p, kind, fault) for p in PROVIDERS for kind, fault in p.faults],
    ids=lambda value: getattr(value, "name", str(value)),
)  # fmt: skip
def test_a_refusal_names_its_fault_and_does_not_stop_the_others(
    provider: type[Provider], kind: str, fault: Fault
) -> None:
    with running(provider) as harness:
        messages = [make_message(1, f"{kind}-1@people.test"), make_message(2)]
        refused, accepted = harness.esp.send(messages)
        assert (refused.status, refused.fault) == (ReceiptStatus.REFUSED, fault)
        assert refused.code
        assert "@" not in refused.code
        assert accepted.status is ReceiptStatus.ACCEPTED


@each_provider
def test_throttling_is_raised_and_the_rest_is_not_handed_over(provider: type[Provider]) -> None:
    with running(provider) as harness:
        messages = [make_message(1), make_message(2, "slow-1@people.test"), make_message(3, "lead-3@people.test")]
        receipts, error = receipts_until_error(harness.esp, messages)
        assert [r.send_id for r in receipts] == [1]
        assert isinstance(error, ProviderThrottled)
        assert error.retry_after is not None
        assert error.retry_after > 0
        assert "lead-3@people.test" not in harness.handed_over()


@each_provider
def test_no_answer_after_the_hand_over_is_ambiguous_and_ends_the_batch(provider: type[Provider]) -> None:
    with running(provider) as harness:
        messages = [make_message(1), make_message(2, "mute-1@people.test"), make_message(3, "lead-3@people.test")]
        receipts, error = receipts_until_error(harness.esp, messages)
        assert [(r.send_id, r.status) for r in receipts] == [(1, ReceiptStatus.ACCEPTED), (2, ReceiptStatus.AMBIGUOUS)]
        assert isinstance(error, ProviderUnavailable)
        assert harness.handed_over().count("mute-1@people.test") == 1
        assert "lead-3@people.test" not in harness.handed_over()


@each_provider
def test_refused_credentials_are_raised_without_showing_a_secret(provider: type[Provider]) -> None:
    with running(provider, "credentials") as harness:
        receipts, error = receipts_until_error(harness.esp, [make_message(1)])
        assert receipts == []
        assert isinstance(error, CredentialsRejected)
        assert not any(word in str(error) for word in ("secret-key", "password", "@", "AKIA"))


@each_provider
def test_a_provider_that_cannot_be_reached_took_nothing(provider: type[Provider]) -> None:
    with running(provider, "unreachable") as harness:
        receipts, error = receipts_until_error(harness.esp, [make_message(1)])
        assert receipts == []
        assert isinstance(error, ProviderUnavailable)


@pytest.mark.parametrize("provider", [Ses, SendGrid], ids=lambda p: p.name)
def test_an_apis_own_failure_is_unavailable_but_a_gateways_is_a_doubt(provider: type[Provider]) -> None:
    with running(provider) as harness:
        assert isinstance(
            receipts_until_error(harness.esp, [make_message(1, "failed-1@p.test")])[1], ProviderUnavailable
        )
        receipts, _ = receipts_until_error(harness.esp, [make_message(2, "gateway-1@p.test")])
        assert [r.status for r in receipts] == [ReceiptStatus.AMBIGUOUS]
        assert len(harness.handed_over()) == 2  # no retries of the SDK's own


@pytest.mark.parametrize("provider", [Ses, SendGrid], ids=lambda p: p.name)
def test_a_suspended_account_is_raised(provider: type[Provider]) -> None:
    with running(provider) as harness:
        _, error = receipts_until_error(harness.esp, [make_message(1, "stopped-1@p.test")])
        assert isinstance(error, SenderSuspended)


def test_ses_gets_the_send_id_as_tag_and_the_whole_mail_as_it_was_rendered() -> None:
    with ExitStack() as stack:
        provider = Ses()
        harness = provider.start(stack)
        list(harness.esp.send([make_message(5, tags={"campaign_id": "7", "odd tag": "a b"})]))
        ((_, _, body),) = provider.recorder.requests
        assert body["EmailTags"] == [
            {"Name": "campaign_id", "Value": "7"}, {"Name": "odd-tag", "Value": "a-b"}, {"Name": "send_id", "Value": "5"}
        ]  # fmt: skip
        assert body["ConfigurationSetName"] == "main"
        import base64

        mail = message_from_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]))
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_an_exhausted_ses_quota_waits_for_an_hour() -> None:
    with running(Ses) as harness:
        _, error = receipts_until_error(harness.esp, [make_message(1, "quota-1@p.test")])
        assert isinstance(error, ProviderThrottled)
        assert error.retry_after == 3600


def test_ses_on_moto_accepts_a_verified_sender_and_blames_an_unverified_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from moto import mock_aws
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ses.models import ses_backends

    with mock_aws():
        import boto3

        boto3.client("sesv2", region_name="us-east-1").create_email_identity(EmailIdentity="brand.test")
        esp = OpenEsps(to_bytes).open(Channel(3, "ses", {}, secret_ref="TEST_SES_SECRET"), date=DATE)
        accepted, refused = esp.send([make_message(1), make_message(2, sender_address="x@other.test")])
        assert accepted.status is ReceiptStatus.ACCEPTED
        sent = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
        assert [m.id for m in sent] == [accepted.provider_message_id]
        assert (refused.status, refused.fault, refused.code) == (
            ReceiptStatus.REFUSED, Fault.SENDER, "MessageRejected"
        )  # fmt: skip


def test_sendgrid_gets_a_plain_body_with_the_send_id_and_no_tracking_of_its_own() -> None:
    with ExitStack() as stack:
        provider = SendGrid()
        harness = provider.start(stack)
        list(harness.esp.send([make_message(5, reply_to="re@brand.test")]))
        ((path, headers, body),) = provider.recorder.requests
        assert path == "/v3/mail/send"
        assert headers["Authorization"] == "Bearer SG.very-secret-key"
        assert body["personalizations"] == [
            {"to": [{"email": "lead-1@people.test"}], "custom_args": {"send_id": "5", "campaign_id": "7"}}
        ]
        assert body["headers"]["List-Unsubscribe"] == "<https://edge.test/u/1>"
        assert body["reply_to"] == {"email": "re@brand.test"}
        assert body["tracking_settings"]["click_tracking"]["enable"] is False


def test_sendgrids_rate_limit_header_says_how_long_to_wait() -> None:
    with running(SendGrid) as harness:
        _, error = receipts_until_error(harness.esp, [make_message(1, "slow-1@p.test")])
        assert isinstance(error, ProviderThrottled)
        assert 10 < error.retry_after <= 17


def test_a_missing_secret_is_an_error_that_names_the_variable_only() -> None:
    channel = Channel(3, "sendgrid", {"host": "http://127.0.0.1:1"}, secret_ref="env:NOT_SET_ANYWHERE")
    with pytest.raises(ConfigInvalid, match="NOT_SET_ANYWHERE"):
        list(OpenEsps(to_bytes).open(channel, date=DATE).send([make_message(1)]))
