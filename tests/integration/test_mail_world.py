"""The simulated recipients over real SMTP sessions, with the real edge app behind the links of the mails."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from leadmill.adapters.store import open_store
from leadmill.domain.send_references import click_url, message_id, open_url, unsubscribe_url
from leadmill.edge.app import create_app
from leadmill.local.mail_world.certificate import certificate_file
from leadmill.local.recipients import Rates, RunningWorld, WorldOptions, sendgrid_public_key
from leadmill.ports.store import ObjectStore
from leadmill.settings import Settings
from tests.conftest import TEST_SECRET

KEY = TEST_SECRET.encode()
NOBODY = Rates(**dict.fromkeys(Rates.__dataclass_fields__, 0.0))


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file://{tmp_path}/store")


@pytest.fixture
def options(tmp_path: Path) -> WorldOptions:
    return WorldOptions(folder=tmp_path / "outbox", rates=NOBODY, speed=1e6, human_floor=0.2, requests_per_second=500)


@contextmanager
def edge(store: ObjectStore, options: WorldOptions) -> Iterator[str]:
    settings = Settings(
        secret_key=SecretStr(TEST_SECRET), sendgrid_webhook_key=SecretStr(sendgrid_public_key(options.folder))
    )
    config = uvicorn.Config(create_app(settings, store=store), "127.0.0.1", 0, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


def make_mail(
    send_id: int, recipient: str, *, sender: str = "ana@acme.example", base: str = "https://go.example", **headers: str
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Ana <{sender}>", recipient, f"Offer {send_id} <b>&"
    mail["Message-ID"] = message_id(send_id, sender.partition("@")[2], KEY)
    mail["List-Unsubscribe"] = f"<{unsubscribe_url(base, send_id, KEY)}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Hello\n.starts with a dot\n")
    links = [click_url(base, send_id, KEY, url=f"https://shop.example/{n}?a=1&b=2") for n in range(2)]
    mail.add_alternative(
        f'<a href="{links[0]}">one</a><a href="{links[1].replace("&", "&amp;")}">two</a><script>alert(1)</script>'
        f'<a href="{unsubscribe_url(base, send_id, KEY)}">out</a><img src="{open_url(base, send_id, KEY)}">',
        subtype="html",
    )
    return mail


def send(world: RunningWorld, *mails: EmailMessage, sender: str = "ana@acme.example", login: str = "") -> list[str]:
    """Send mails over one session; the code of each refusal, empty where a mail was taken."""
    codes = []
    with smtplib.SMTP("127.0.0.1", world.world.smtp_port) as client:
        if login:
            client.login(login, "secret")
        for mail in mails:
            try:
                client.send_message(mail, from_addr=sender)
                codes.append("")
            except smtplib.SMTPRecipientsRefused as error:
                [(code, text)] = error.recipients.values()
                codes.append(f"{code} {text.decode().split()[0]}")
            except smtplib.SMTPDataError as error:
                codes.append(f"{error.smtp_code} {error.smtp_error.decode().split()[0]}")
    return codes


def landed(store: ObjectStore, prefix: str) -> list[bytes]:
    return [store.read(item.key) for item in store.list(prefix)]


def edge_events(store: ObjectStore) -> list[dict[str, str]]:
    bodies = landed(store, "landing/events/edge/")
    return [json.loads(line) for body in bodies for line in body.decode().splitlines()]


def test_a_session_offers_what_mail_clients_use_and_mails_are_kept_as_they_came(
    options: WorldOptions, store: ObjectStore
) -> None:
    mail = make_mail(1, "lead@customer.example")
    with RunningWorld(options, store) as world:
        with smtplib.SMTP("127.0.0.1", world.world.smtp_port) as client:
            client.ehlo()
            assert {"pipelining", "size", "8bitmime", "auth", "enhancedstatuscodes"} <= client.esmtp_features.keys()
            client.send_message(mail, from_addr="ana@acme.example")
        [kept] = world.world.received(recipient="Lead@customer.example")
        assert (kept.message_id, kept.sender, kept.subject) == (mail["Message-ID"], "ana@acme.example", mail["Subject"])
        assert b"\r\n.starts with a dot\r\n" in world.world.journal.content(kept)


def test_a_log_in_needs_the_worlds_password(options: WorldOptions, store: ObjectStore) -> None:
    with RunningWorld(replace(options, password="secret"), store) as world:
        for mechanism in ("auth_plain", "auth_login"):
            with smtplib.SMTP("127.0.0.1", world.world.smtp_port) as client:
                client.ehlo()
                client.user, client.password = "ana@acme.example", "secret"
                assert client.auth(mechanism[5:].upper(), getattr(client, mechanism))[0] == 235
            with smtplib.SMTP("127.0.0.1", world.world.smtp_port) as client:
                client.ehlo()
                client.user, client.password = "ana@acme.example", "wrong"
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    client.auth(mechanism[5:].upper(), getattr(client, mechanism))


def test_starttls_with_the_self_made_certificate_holds(options: WorldOptions, store: ObjectStore) -> None:
    with RunningWorld(replace(options, starttls=True), store) as world:
        context = ssl.create_default_context(cafile=str(certificate_file(options.folder)))
        with smtplib.SMTP("localhost", world.world.smtp_port) as client:
            client.starttls(context=context)
            client.login("ana@acme.example", "whatever")
            client.send_message(make_mail(1, "lead@customer.example"), from_addr="ana@acme.example")
        assert len(world.world.received()) == 1


def test_a_client_may_send_ahead(options: WorldOptions, store: ObjectStore) -> None:
    rates = replace(NOBODY, unknown_user=0.5)
    with RunningWorld(replace(options, rates=rates, bad_sender="nobody"), store) as world:
        address = ("127.0.0.1", world.world.smtp_port)
        with socket.create_connection(address, timeout=10) as client, client.makefile("rb") as answers:
            envelope = b"MAIL FROM:<ana@acme.example>\r\nRCPT TO:<lead%d@customer.example>\r\nDATA\r\n"
            commands = [b"EHLO me\r\n", *(envelope % number for number in range(20))]
            assert answers.readline().startswith(b"220")
            client.sendall(commands[0])
            while answers.readline()[3:4] == b"-":
                pass
            taken = 0
            body = b"Message-ID: <%d@x>\r\n\r\n..dot\r\n.\r\n"
            client.sendall(commands[1])
            for number in range(20):
                replies = [answers.readline() for _ in range(3)]
                following = commands[number + 2] if number < 19 else b"QUIT\r\n"
                if replies[2].startswith(b"354"):
                    client.sendall(body % number + following)
                    assert answers.readline().startswith(b"250")
                    taken += 1
                else:
                    assert replies[1].startswith(b"550 5.1.1")
                    client.sendall(b"RSET\r\n" + following)
                    assert answers.readline().startswith(b"250")
        mails = world.world.received()
        assert 0 < taken < 20
        assert len(mails) == taken
        assert {world.world.journal.content(mail).rpartition(b"\r\n\r\n")[2] for mail in mails} == {b".dot\r\n"}


def test_unknown_users_greylisting_and_blocks_are_refused_as_mail_servers_do(
    options: WorldOptions, store: ObjectStore
) -> None:
    mail = make_mail(1, "lead@customer.example")
    for number, (rates, codes) in enumerate(
        [
            (replace(NOBODY, unknown_user=1.0, unknown_user_of_bad_sender=1.0), ["550 5.1.1", "550 5.1.1"]),
            (replace(NOBODY, greylisted=1.0), ["451 4.7.1", ""]),
            (replace(NOBODY, blocked=1.0), ["550 5.7.1", "550 5.7.1"]),
        ]
    ):
        with RunningWorld(replace(options, folder=options.folder / str(number), rates=rates), store) as world:
            found = send(world, mail)
            time.sleep(1.1)
            found += send(world, mail)
            assert found == codes
            assert len(world.world.received()) == codes.count("")
            assert sum(world.world.journal.refusals.values()) == 2 - codes.count("")


def test_the_first_sender_has_the_bad_list_unless_one_is_named(options: WorldOptions, store: ObjectStore) -> None:
    rates = replace(NOBODY, unknown_user_of_bad_sender=1.0)
    with RunningWorld(replace(options, rates=rates, bad_sender="*@bad.example"), store) as world:
        assert send(world, make_mail(1, "lead@customer.example")) == [""]
        assert send(world, make_mail(2, "lead@customer.example"), sender="m1@bad.example") == ["550 5.1.1"]
    with RunningWorld(replace(options, rates=rates, folder=options.folder / "b"), store) as world:
        assert send(world, make_mail(1, "lead@customer.example"), sender="first@x.example") == ["550 5.1.1"]
        assert send(world, make_mail(1, "lead@customer.example"), sender="second@x.example") == [""]


def test_people_machines_and_scanners_call_the_edge_and_only_a_post_unsubscribes(
    options: WorldOptions, store: ObjectStore
) -> None:
    with edge(store, options) as url:
        base = replace(options, edge_url=url)
        curious = replace(NOBODY, human_open=1.0, click=1.0)
        for name, rates in {
            "machine": replace(NOBODY, machine_open=1.0),
            "scanner": replace(NOBODY, scanner=1.0),
            "person": curious,
            "leaver": replace(curious, click=0.0, unsubscribe=1.0),
        }.items():
            send_id = {"machine": 1, "scanner": 2, "person": 3, "leaver": 4}[name]
            with RunningWorld(replace(base, folder=options.folder / name, rates=rates), store) as world:
                send(world, make_mail(send_id, f"{name}@customer.example"))
                world.wait_until_quiet()
                answers = world.world.population.answers  # type: ignore[union-attr]
                assert not [key for key in answers if key.endswith((" 0", " 404", " 429"))]
                if name == "scanner":
                    assert answers["GET /u 200"] == 1
    found = Counter((event["send_id"], event["kind"], event["method"]) for event in edge_events(store))
    assert found == {
        (1, "opened", "GET"): 1,
        (2, "clicked", "HEAD"): 2,
        (2, "clicked", "GET"): 2,
        (3, "opened", "GET"): 1,
        (3, "clicked", "GET"): 1,
        (4, "opened", "GET"): 1,
        (4, "unsubscribed", "POST"): 1,
    }
    agents = {event["send_id"]: event["user_agent"] for event in edge_events(store)}
    assert agents[1] == "Mozilla/5.0"
    assert {event["ip"] for event in edge_events(store)}.isdisjoint({"127.0.0.1"})


def test_bounces_complaints_and_replies_come_back_as_mail(options: WorldOptions, store: ObjectStore) -> None:
    words = {
        "hard_bounce_later": b"Status: 5.1.1",
        "soft_bounce": b"Status: 4.2.2",
        "complaint": b"Feedback-Type: abuse",
        "auto_reply": b"Auto-Submitted: auto-replied",
    }
    for number, (rate, word) in enumerate(words.items()):
        rates = replace(NOBODY, **{rate: 1.0})
        base = replace(options, folder=options.folder / rate, rates=rates)
        with edge(store, options) as url, RunningWorld(replace(base, edge_url=url), store) as world:
            mail = make_mail(number, f"{rate}@customer.example")
            send(world, mail)
            world.wait_until_quiet()
        letters = [body for body in landed(store, "landing/inbound/") if rate.encode() + b"@customer.example" in body]
        assert len(letters) == 1, rate
        assert word in letters[0]
        assert mail["Message-ID"].encode() in letters[0]


def test_ses_reports_by_firehose_objects_with_our_tags(options: WorldOptions, store: ObjectStore) -> None:
    rates = replace(NOBODY, unknown_user=0.5)
    with RunningWorld(replace(options, rates=rates), store) as world:
        mails = [make_mail(n, f"lead{n}@customer.example", X_SES_MESSAGE_TAGS=f"send_id={n}") for n in range(1, 21)]
        assert set(send(world, *mails, login="AKIAEXAMPLE")) == {""}
        world.wait_until_quiet()
        relay_ids = {mail.relay_id for mail in world.world.received()}
    bodies = landed(store, "landing/events/ses/")
    records = [json.loads(line) for body in bodies for line in body.decode().splitlines()]
    words = Counter(record["eventType"] for record in records)
    assert words["Send"] == 20
    assert words["Delivery"] + words["Bounce"] == 20
    assert words["Bounce"] > 0
    assert {int(record["mail"]["tags"]["send_id"][0]) for record in records} == set(range(1, 21))
    assert {record["mail"]["messageId"] for record in records} == relay_ids
    assert landed(store, "landing/inbound/") == []


def test_a_domain_that_was_relayed_once_is_remembered(options: WorldOptions, store: ObjectStore) -> None:
    with RunningWorld(options, store) as world:
        assert send(world, make_mail(1, "one@customer.example", X_SES_MESSAGE_TAGS="send_id=1")) == [""]
    rates = replace(NOBODY, unknown_user=1.0)
    with RunningWorld(replace(options, rates=rates, bad_sender="nobody"), store) as world:
        assert send(world, make_mail(2, "two@customer.example", X_SES_MESSAGE_TAGS="send_id=2")) == [""]
        assert send(world, make_mail(3, "three@customer.example"), sender="ana@plain.example") == ["550 5.1.1"]


def test_sendgrid_posts_signed_arrays_that_the_edge_believes(options: WorldOptions, store: ObjectStore) -> None:
    with edge(store, options) as url, RunningWorld(replace(options, edge_url=url), store) as world:
        mails = [
            make_mail(n, f"lead{n}@customer.example", X_SMTPAPI=json.dumps({"unique_args": {"send_id": str(n)}}))
            for n in (1, 2)
        ]
        send(world, *mails, login="apikey")
        world.wait_until_quiet()
    events = [event for body in landed(store, "landing/events/sendgrid/") for event in json.loads(body)]
    assert Counter((event["event"], event["send_id"]) for event in events) == {
        ("processed", "1"): 1, ("processed", "2"): 1, ("delivered", "1"): 1, ("delivered", "2"): 1,
    }  # fmt: skip
    assert len({event["sg_event_id"] for event in events}) == 4


def test_a_world_that_starts_again_does_what_was_left_and_nothing_twice(
    options: WorldOptions, store: ObjectStore
) -> None:
    rates = replace(NOBODY, human_open=1.0, reply=1.0, machine_open=1.0)
    with edge(store, options) as url:
        options = replace(options, rates=rates, edge_url=url, human_floor=3.0)
        with RunningWorld(options, store) as world:
            send(world, *(make_mail(n, f"lead{n}@customer.example") for n in range(1, 6)))
            time.sleep(2.5)
            done_before = set(world.world.journal.done)
        with (options.folder / "journal.ndjson").open("a") as journal:
            journal.write('{"entry": "received", "cut short by a cr')
        with RunningWorld(options, store) as world:
            assert len(world.world.received()) == 5
            world.wait_until_quiet()
            assert done_before < world.world.journal.done
        with RunningWorld(options, store) as world:
            assert world.world.population.pending == 0  # type: ignore[union-attr]
    assert 0 < len(done_before) < 15
    found = Counter((event["send_id"], event["user_agent"] == "Mozilla/5.0") for event in edge_events(store))
    assert found == {(n, machine): 1 for n in range(1, 6) for machine in (True, False)}
    assert len(landed(store, "landing/inbound/")) == 5


def test_copies_are_counted_per_recipient_and_message(options: WorldOptions, store: ObjectStore) -> None:
    with RunningWorld(replace(options, population=False), store) as world:
        send(world, make_mail(1, "a@x.example"), make_mail(1, "a@x.example"), make_mail(2, "b@x.example"))
        assert world.world.population is None
        copies = world.world.journal.copies()
        assert sorted(copies.values()) == [1, 2]
        [twice] = [key for key, number in copies.items() if number == 2]
        assert len(world.world.received(recipient=twice[0], message_id=twice[1])) == 2
        page = httpx.get(f"http://127.0.0.1:{world.world.web_port}/api/counts", trust_env=False).json()
        assert (page["received"], page["more_than_one_copy"]) == (3, 1)


def test_mails_can_be_looked_at_without_running_or_loading_anything(options: WorldOptions, store: ObjectStore) -> None:
    with RunningWorld(options, store) as world:
        send(world, make_mail(1, "lead@customer.example"), make_mail(2, "other@customer.example"))
        with httpx.Client(base_url=f"http://127.0.0.1:{world.world.web_port}", trust_env=False) as browser:
            listing = browser.get("/")
            assert "Offer 1 &lt;b&gt;&amp;" in listing.text
            assert (
                "script-src" in listing.headers["Content-Security-Policy"]
                or "default-src 'none'" in (listing.headers["Content-Security-Policy"])
            )
            assert "other@" not in browser.get("/", params={"q": "lead@"}).text
            page = browser.get("/mails/1").text
            assert "<script>" not in page
            assert "iframe sandbox" in page
            shown = browser.get("/mails/1/html")
            assert re.search(r"default-src 'none'.*sandbox", shown.headers["Content-Security-Policy"])
            assert browser.get("/mails/1/raw").headers["content-type"].startswith("text/plain")
            assert browser.get("/api/received", params={"recipient": "lead@customer.example"}).json()["copies"] == 1
            assert [browser.get(f"/mails/{n}{part}").status_code for n in (0, 9) for part in ("", "/html", "/raw")] == [
                404
            ] * 6


def test_the_process_serves_until_it_is_told_to_stop(options: WorldOptions, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leadmill.local.recipients", "--smtp-port", "0", "--web-port", "0"]
    command += ["--folder", str(options.folder), "--store", f"file://{tmp_path}/store"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = re.search(r"smtp://127\.0\.0\.1:(\d+) mails: (http://\S+)", process.stdout.readline())
        assert found
        with smtplib.SMTP("127.0.0.1", int(found[1])) as client:
            client.noop()
        assert httpx.get(f"{found[2]}api/counts", trust_env=False).json()["received"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
