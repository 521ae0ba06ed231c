"""The edge app as its callers see it: mail clients, scanners, providers, and people who try to abuse it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import SecretStr
from starlette.testclient import TestClient

from leadmill.adapters.store import FolderStore
from leadmill.domain.send_references import (
    NO_SEND,
    PROBE_HEADER,
    LinkKind,
    click_url,
    link_token,
    open_url,
    probe_answer,
    probe_token,
    unsubscribe_url,
)
from leadmill.edge.app import create_app
from leadmill.edge.signatures.ses import is_sns_url, signed_text
from leadmill.errors import TransientError
from leadmill.settings import Settings

SECRET = "edge-test-secret-of-at-least-32-characters"
KEY = SECRET.encode()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:1:ses"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}

SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SNS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key_text() -> str:
    der = SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder(
        name, name, SNS_KEY.public_key(), 1, NOW - timedelta(days=1), NOW + timedelta(days=1)
    ).sign(SNS_KEY, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


class World:
    """An edge with a store to look into, a clock to set and a record of what it fetched."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.store = FolderStore(folder / "store")
        self.now = NOW
        self.fetched: list[str] = []
        self.offline = False
        self.settings = Settings(secret_key=SecretStr(SECRET), edge_base_url="", **settings)
        app = create_app(self.settings, store=self.store, clock=lambda: self.now, fetch=self.fetch)
        self.client = TestClient(app, follow_redirects=False)

    async def fetch(self, url: str) -> bytes:
        if self.offline:
            raise TransientError("No route to Amazon.")
        self.fetched.append(url)
        return certificate()

    def objects(self, prefix: str = "landing/") -> list[tuple[str, bytes]]:
        return [(o.key, self.store.read(o.key)) for o in self.store.list(prefix)]

    def events(self) -> list[dict[str, Any]]:
        """The edge's events, once it has shut down."""
        return [json.loads(line) for _, body in self.objects("landing/events/edge/") for line in body.splitlines()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(
        tmp_path,
        sendgrid_webhook_key=SecretStr(public_key_text()),
        mailgun_webhook_key=SecretStr("mailgun-key"),
        postmark_webhook_user="post",
        postmark_webhook_password=SecretStr("mark"),
        ses_topic_arns=TOPIC,
        ses_access_key=SecretStr("firehose-key"),
    )
    with made.client:
        yield made


UNSUBSCRIBE = unsubscribe_url("", 7, KEY)


def test_the_links_of_a_preview_and_of_our_own_probe_unsubscribe_nobody(world: World) -> None:
    client = world.client
    preview = client.post(f"/u/{link_token(LinkKind.UNSUBSCRIBE, NO_SEND, KEY)}", data=ONE_CLICK)
    probe = f"/u/{probe_token('nonce12345', KEY)}"
    looked, acted = client.get(probe), client.post(probe, data=ONE_CLICK)
    without = client.post(probe, data={"x": "y"})
    forged = client.post("/u/probe-nonce12345.AAAAAAAAAAAAAAAA", data=ONE_CLICK)
    assert "This was a preview" in preview.text
    assert (looked.status_code, acted.status_code, without.status_code, forged.status_code) == (200, 200, 400, 404)
    assert acted.headers[PROBE_HEADER] == probe_answer("nonce12345", KEY)
    assert not {PROBE_HEADER.lower()} & (looked.headers.keys() | without.headers.keys() | forged.headers.keys())
    assert world.objects() == []


def test_a_get_shows_a_page_with_a_button_and_does_nothing(world: World) -> None:
    page = world.client.get(UNSUBSCRIBE)
    assert page.status_code == 200
    assert 'lang="en"' in page.text
    assert "<button" in page.text
    assert 'method="post"' in page.text
    assert "set-cookie" not in page.headers
    assert world.client.head(UNSUBSCRIBE).status_code == 200
    assert world.objects() == []


@pytest.mark.parametrize("form", [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}])
def test_a_post_unsubscribes_at_once_without_cookie_or_redirect(world: World, form: dict[str, Any]) -> None:
    for _ in range(2):
        answer = world.client.post(UNSUBSCRIBE, **form)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    events = world.events()  # durable before the answer: no shutdown needed
    assert {(e["kind"], e["send_id"], e["event_id"], e["method"]) for e in events} == {
        ("unsubscribed", 7, f"edge-unsubscribed-7-{NOW:%Y%m%d%H%M}", "POST")
    }


def test_a_post_without_the_one_click_field_asks_again(world: World) -> None:
    for form in ({"data": {"x": "1"}}, {"data": {"List-Unsubscribe": "No"}}, {"content": b""}):
        assert world.client.post(UNSUBSCRIBE, **form).status_code == 400
    assert world.objects() == []


def test_a_forged_or_foreign_token_gets_a_friendly_404_and_no_event(world: World) -> None:
    click = link_token(LinkKind.CLICK, 7, KEY)
    for token in ("7.AAAAAAAAAAAAAAAA", "x", f"{'9' * 30}.A", click, UNSUBSCRIBE[3:].replace("7.", "8.")):
        page = world.client.post(f"/u/{token}", data=ONE_CLICK)
        assert page.status_code == 404
        assert "not valid" in page.text
        assert world.client.get(f"/u/{token}").status_code == 404
        assert world.client.get(f"/o/{token}.gif").status_code == 404
    assert world.objects() == []


def test_an_unsubscription_that_cannot_be_stored_is_not_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_key: str, _body: bytes) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(world.store, "write", fail)
    assert world.client.post(UNSUBSCRIBE, data=ONE_CLICK).status_code == 503
    monkeypatch.undo()
    assert world.client.post(UNSUBSCRIBE, data=ONE_CLICK).status_code == 200


def test_opens_and_clicks_are_written_at_the_latest_on_shutdown(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.client as client:
        pixel = client.get(open_url("", 7, KEY), headers={"User-Agent": "Mail", "X-Forwarded-For": "198.51.100.4"})
        assert pixel.headers["content-type"] == "image/gif"
        assert "no-store" in pixel.headers["cache-control"]
        assert pixel.content[:6] == b"GIF89a"
        client.head(open_url("", 7, KEY))
        assert client.get(click_url("", 7, KEY, url="https://x.test/a?b=1&c=ü")).status_code == 302
    assert [(e["kind"], e["method"], e["url"]) for e in world.events()] == [
        ("opened", "GET", ""), ("opened", "HEAD", ""), ("clicked", "GET", "https://x.test/a?b=1&c=ü"),
    ]  # fmt: skip
    assert len({e["event_id"] for e in world.events()}) == 3


def test_a_click_goes_where_the_token_says_and_nowhere_else(world: World) -> None:
    good = click_url("", 7, KEY, url="https://x.test/offer")
    assert world.client.get(good).headers["location"] == "https://x.test/offer"
    token = good.split("?")[0]
    for target in ("https://evil.test/", "https://x.test/offer#", "//evil.test", "", "https://x.test/offer@evil.test"):
        answer = world.client.get(f"{token}?u={quote(target, safe='')}")
        assert answer.status_code == 400
        assert "location" not in answer.headers
    assert world.client.get(token).status_code == 400


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"])
def test_even_a_signed_link_leads_only_to_the_web(world: World, url: str) -> None:
    assert world.client.get(click_url("", 7, KEY, url=url)).status_code == 400


def test_pages_carry_security_headers(world: World) -> None:
    headers = world.client.get(UNSUBSCRIBE).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def sendgrid_headers(body: bytes, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    signature = SENDGRID_KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def mailgun_body(at: datetime = NOW, token: str = "t1", key: bytes = b"mailgun-key") -> bytes:
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(key, (timestamp + token).encode(), hashlib.sha256).hexdigest()
    part = {"timestamp": timestamp, "token": token, "signature": signature}
    return json.dumps({"signature": part, "event-data": {"event": "opened"}}).encode()


def sns_body(version: str = "2", **changes: str) -> bytes:
    envelope = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": '{"eventType": "Send"}',
        "Timestamp": "2026-11-20T12:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
    } | {k: v for k, v in changes.items() if not k.startswith("_")}
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    envelope["Signature"] = base64.b64encode(
        SNS_KEY.sign(signed_text(envelope), padding.PKCS1v15(), algorithm)
    ).decode()
    return json.dumps(envelope | {k[1:]: v for k, v in changes.items() if k.startswith("_")}).encode()


def test_a_genuine_body_is_stored_exactly_as_received(world: World) -> None:
    sendgrid = b'[{"event":"open"}]\r\n'
    calls: list[tuple[str, bytes, dict[str, str]]] = [
        ("sendgrid", sendgrid, sendgrid_headers(sendgrid)),
        ("mailgun", mailgun_body(), {}),
        ("postmark", b'{"RecordType":"Open"}', {"Authorization": "Basic " + base64.b64encode(b"post:mark").decode()}),
        ("ses", sns_body("1"), {}),
        ("ses", sns_body("2", MessageId="m-2"), {}),
        ("ses", b'{"eventType":"Send"}\n', {"X-Amz-Firehose-Access-Key": "firehose-key"}),
    ]
    for provider, body, headers in calls:
        assert world.client.post(f"/webhooks/{provider}", content=body, headers=headers).status_code == 200, provider
    stored = world.objects("landing/events/")
    assert sorted(body for _, body in stored) == sorted(body for _, body, _ in calls)
    assert all(key.startswith(f"landing/events/{key.split('/')[2]}/2026/11/20/120000-") for key, _ in stored)
    assert world.fetched == [CERTIFICATE_URL]  # once: it is cached


def test_a_forged_or_stale_body_is_refused_and_not_stored(world: World) -> None:
    good = b'[{"event":"open"}]'
    stale = sendgrid_headers(good, NOW - timedelta(seconds=301))
    broken = sendgrid_headers(good) | {"X-Twilio-Email-Event-Webhook-Signature": "%%%"}
    calls: list[tuple[str, bytes, dict[str, str]]] = [
        ("sendgrid", good, {}),
        ("sendgrid", good + b" ", sendgrid_headers(good)),
        ("sendgrid", good, stale),
        ("sendgrid", good, broken),
        ("sendgrid", b"\xff\xfe", sendgrid_headers(good)),
        ("mailgun", mailgun_body(key=b"other"), {}),
        ("mailgun", mailgun_body(NOW - timedelta(hours=10)), {}),
        ("mailgun", b'{"signature": null}', {}),
        ("postmark", b"{}", {"Authorization": "Basic " + base64.b64encode(b"post:x").decode()}),
        ("postmark", b"{}", {}),
        ("ses", b'{"eventType":"Send"}', {}),
        ("ses", b"{}", {"X-Amz-Firehose-Access-Key": "wrong"}),
        ("ses", sns_body(_Message="{}"), {}),
        ("ses", sns_body(TopicArn="arn:aws:sns:eu-west-1:666:mine"), {}),
        ("ses", sns_body(SigningCertURL="https://sns.eu-west-1.amazonaws.com.evil.test/a.pem"), {}),
        ("ses", sns_body("3"), {}),
    ]
    for provider, body, headers in calls:
        assert world.client.post(f"/webhooks/{provider}", content=body, headers=headers).status_code == 401, body
    assert world.objects() == []


def test_amazon_is_asked_to_try_again_while_its_certificate_cannot_be_fetched(world: World) -> None:
    world.offline = True
    put_off = world.client.post("/webhooks/ses", content=sns_body())
    assert (put_off.status_code, put_off.headers["Retry-After"]) == (503, "60")
    assert world.objects() == []
    world.offline = False
    assert world.client.post("/webhooks/ses", content=sns_body()).status_code == 200
    assert [body for _, body in world.objects("landing/events/ses/")] == [sns_body()]


def test_a_replayed_body_is_stored_once(world: World) -> None:
    for body in (mailgun_body(), sns_body()):
        provider = "ses" if b"TopicArn" in body else "mailgun"
        for _ in range(3):
            assert world.client.post(f"/webhooks/{provider}", content=body).status_code == 200
    assert len(world.objects()) == 2


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        (CERTIFICATE_URL, True),
        ("https://sns.cn-north-1.amazonaws.com.cn/a.pem", True),
        ("http://sns.eu-west-1.amazonaws.com/a.pem", False),
        ("https://sns.eu-west-1.amazonaws.com:8443/a.pem", False),
        ("https://sns.eu-west-1.amazonaws.com@evil.test/a.pem", False),
        ("https://evil.test/sns.eu-west-1.amazonaws.com.pem", False),
        ("https://bucket.s3.amazonaws.com/a.pem", False),
    ],
)
def test_only_amazons_own_hosts_are_asked(url: str, *, ours: bool) -> None:
    assert is_sns_url(url) is ours


def test_a_subscription_to_our_topic_is_confirmed_and_no_other(world: World) -> None:
    confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    body = sns_body(Type="SubscriptionConfirmation", SubscribeURL=confirm, Token="t")
    assert world.client.post("/webhooks/ses", content=body).status_code == 200
    assert confirm in world.fetched
    evil = sns_body(Type="SubscriptionConfirmation", SubscribeURL="https://evil.test/", Token="t", MessageId="m-3")
    assert world.client.post("/webhooks/ses", content=evil).status_code == 200
    assert "https://evil.test/" not in world.fetched
    assert world.objects("landing/events/") == []


def test_a_provider_without_a_key_is_refused_unless_the_demo_allows_it(tmp_path: Path) -> None:
    body = b'[{"event":"open"}]'
    for allowed, status in ((False, 401), (True, 200)):
        world = World(tmp_path / str(allowed), edge_allow_unsigned=allowed)
        with world.client as client:
            for provider in ("ses", "sendgrid", "mailgun", "postmark"):
                assert client.post(f"/webhooks/{provider}", content=body).status_code == status
    with World(tmp_path / "keyed", edge_allow_unsigned=True, ses_topic_arns=TOPIC).client as client:
        assert client.post("/webhooks/ses", content=body).status_code == 401


def test_unknown_providers_empty_and_oversized_bodies_are_refused(world: World) -> None:
    assert world.client.post("/webhooks/nobody", content=b"{}").status_code == 404
    assert world.client.get("/webhooks/ses").status_code == 405
    assert world.client.post("/webhooks/ses", content=b" ").status_code == 400
    assert world.client.post("/webhooks/ses", content=b"x" * (10 * 1024 * 1024 + 1)).status_code == 413
    assert world.client.post(UNSUBSCRIBE, content=b"x" * 9000).status_code == 413
    chunks = (b"x" * 1_000_000 for _ in range(12))
    assert world.client.post("/webhooks/ses", content=chunks).status_code == 413
    assert world.objects() == []


def test_guessing_tokens_is_cut_off_long_before_good_requests_are(tmp_path: Path) -> None:
    world = World(tmp_path, edge_requests_per_minute=200, edge_trusted_proxies="testclient")
    with world.client as client:
        guesser, reader = {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}
        seen = [client.get("/u/7.AAAAAAAAAAAAAAAA", headers=guesser).status_code for _ in range(60)]
        assert seen[0] == 404
        assert seen[-1] == 429
        assert all(client.get(UNSUBSCRIBE, headers=reader).status_code == 200 for _ in range(100))


def test_a_stranger_cannot_choose_his_address(tmp_path: Path) -> None:
    world = World(tmp_path, edge_trusted_proxies="10.0.0.1")
    with world.client as client:
        client.get(open_url("", 7, KEY), headers={"X-Forwarded-For": "198.51.100.4"})
    assert [e["ip"] for e in world.events()] == ["testclient"]


def test_the_log_holds_neither_tokens_nor_addresses(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.client.get(UNSUBSCRIBE, headers={"X-Forwarded-For": "198.51.100.4"})
    world.client.get("/someone@example.test")
    text = capsys.readouterr().out
    assert "/u" in text
    assert UNSUBSCRIBE not in text
    assert "198.51.100.4" not in text
    assert "someone@example.test" not in text


def test_many_unsubscribers_at_once_share_writes_and_none_is_lost(tmp_path: Path) -> None:
    import httpx

    world = World(tmp_path)

    async def press_all() -> list[int]:
        app = world.client.app
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with (
            app.router.lifespan_context(app),  # type: ignore[attr-defined]
            httpx.AsyncClient(transport=transport, base_url="http://edge") as client,
        ):
            calls = [client.post(unsubscribe_url("", n, KEY), data=ONE_CLICK) for n in range(1, 101)]
            return [r.status_code for r in await asyncio.gather(*calls)]

    assert set(asyncio.run(press_all())) == {200}
    assert {e["send_id"] for e in world.events()} == set(range(1, 101))
    assert len(world.objects()) < 50


def test_healthz_answers(world: World) -> None:
    assert world.client.get("/healthz").json() == {"status": "ok"}
