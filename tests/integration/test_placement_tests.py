"""Placement tests through a real SMTP server and a real IMAP server (pymap)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from email.policy import default as policy
from pathlib import Path
from socket import create_connection, socket

import pytest
from imapclient import IMAPClient
from typer.testing import CliRunner

from leadmill import bootstrap
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.domain.mailboxes import Binding
from leadmill.domain.placement import TOKEN_HEADER
from leadmill.errors import InputInvalid, NotAllowed
from leadmill.sender_file import apply_sender_file
from tests.mail_servers import SmtpRecorder, closed_port, smtp_server
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    usage,
)

PASSWORD = "seed-password"


@pytest.fixture(scope="module")
def imap() -> Iterator[int]:
    """The port of an IMAP server with one user, whose inbox holds other people's mails already."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("pymap")
    server = subprocess.Popen(
        [program, "--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict", "--demo-data",
         "--demo-user", "seed@world.test", "--demo-password", PASSWORD],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(150):
            try:
                create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def mail() -> Iterator[tuple[SmtpRecorder, int]]:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        yield recorder, port


@pytest.fixture
def world(app: App, mail: tuple[SmtpRecorder, int], imap: int, monkeypatch: pytest.MonkeyPatch) -> App:
    """Three mailboxes and one seed inbox."""
    monkeypatch.setenv("SEED_PASSWORD", PASSWORD)
    make_lane(app, mail[1])
    make_pool(app)
    make_mailboxes(app, 3)
    app.add_seed_inbox(
        ADMIN, address="seed@world.test", provider_family="world", imap_host="127.0.0.1", imap_port=imap, tls="none",
        secret_ref="env:SEED_PASSWORD", as_of=NOW,
    )  # fmt: skip
    return app


def deliver(imap: int, raw: bytes, folder: str) -> None:
    """What the seed inbox's provider does with a mail."""
    with IMAPClient("127.0.0.1", imap, ssl=False) as client:
        client.login("seed@world.test", PASSWORD)
        if not client.folder_exists(folder):
            client.create_folder(folder)
        client.append(folder, raw)


def test_a_mailbox_sends_one_real_test_mail_a_day_within_its_limits_and_no_campaigns_send(
    world: App, mail: tuple[SmtpRecorder, int]
) -> None:
    execute(world, "update ledger.mailboxes set daily_limit = 0 where address = 'box2@brand.test'")
    assert world.send_placement_tests(NOW) == {"sent": 2}
    assert world.send_placement_tests(later(hours=6)) == {}
    mails = [message_from_bytes(raw, policy=policy) for raw in mail[0].mails]
    assert sorted(str(each["From"]) for each in mails) == ["Ann <box0@brand.test>", "Ann <box1@brand.test>"]
    assert {str(each["To"]) for each in mails} == {"seed@world.test"}
    tokens = {row["token"] for row in execute(world, "select token from ledger.placement_tests")}
    assert {each[TOKEN_HEADER] for each in mails} == tokens
    assert usage(world) == {"mailbox": 2, "hour": 2, "domain": 2, "account": 2}
    assert sum(row["accepted"] for row in execute(world, "select accepted from ledger.mailbox_usage")) == 2
    assert execute(world, "select count(*) as n from ledger.sends")[0]["n"] == 0
    assert world.send_placement_tests(later(days=1)) == {"sent": 2}


def test_paused_senders_and_used_up_shared_limits_send_no_test(world: App, mail: tuple[SmtpRecorder, int]) -> None:
    execute(world, "update ledger.sending_domains set daily_limit = 2")
    world.pause_mailbox(ANALYST, 1, reason="odd", as_of=NOW)
    assert world.send_placement_tests(NOW) == {"sent": 2}
    execute(world, "delete from ledger.placement_tests")
    assert world.send_placement_tests(later(minutes=5)) == {}
    world.pause_account(ANALYST, "own smtp", reason="odd", as_of=NOW)
    assert world.send_placement_tests(later(days=1)) == {}


def test_a_test_mail_is_found_in_the_inbox_in_spam_or_missing_and_nothing_is_touched(
    world: App, mail: tuple[SmtpRecorder, int], imap: int
) -> None:
    world.send_placement_tests(NOW)
    by_sender = {message_from_bytes(raw)["From"]: raw for raw in mail[0].mails}
    deliver(imap, by_sender["Ann <box0@brand.test>"], "INBOX")
    deliver(imap, by_sender["Ann <box1@brand.test>"], "Junk")
    assert world.read_placement_tests(later(hours=1)) == {"inbox": 1, "spam": 1, "missing": 0, "waiting": 1}
    assert world.read_placement_tests(later(hours=23)) == {"missing": 0, "waiting": 1}
    assert world.read_placement_tests(later(hours=24)) == {"missing": 1, "waiting": 0}
    assert world.read_placement_tests(later(hours=25)) == {}
    found = {each.mailbox: (each.inbox, each.spam, each.missing) for each in world.placements(later(days=1))}
    assert found == {"box0@brand.test": (1, 0, 0), "box1@brand.test": (0, 1, 0), "box2@brand.test": (0, 0, 1)}
    with IMAPClient("127.0.0.1", imap, ssl=False) as client:
        client.login("seed@world.test", PASSWORD)
        for folder in ("INBOX", "Junk"):
            client.select_folder(folder, readonly=True)
            flags = client.get_flags(client.search(["HEADER", TOKEN_HEADER, ""]) or client.search())
            ours = max(flags)
            assert b"\\Seen" not in flags[ours]
    assert [seed.read_error for seed in world.seed_inboxes()] == [""]


def test_a_mail_in_doubt_is_never_called_missing(world: App) -> None:
    world.send_placement_tests(NOW)
    execute(world, "update ledger.placement_tests set state = 'doubtful'")
    assert world.read_placement_tests(later(days=2)) == {"missing": 0, "waiting": 3}


def test_a_seed_inbox_that_cannot_be_read_says_why_and_condemns_nobody(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send_placement_tests(NOW)
    monkeypatch.setenv("SEED_PASSWORD", "wrong")
    assert world.read_placement_tests(later(days=2)) == {"unreadable": 1}
    assert "refused the log-in" in world.seed_inboxes()[0].read_error
    execute(world, "update ledger.seed_inboxes set imap_port = %s", closed_port())
    assert world.read_placement_tests(later(days=2)) == {"unreadable": 1}
    assert "no usable answer" in world.seed_inboxes()[0].read_error
    assert {each.placement for each in world.placement_tests(later(days=2))} == {""}


def test_a_mailbox_goes_round_the_seeds(world: App) -> None:
    for name in ("two", "three"):
        world.add_seed_inbox(
            ADMIN, address=f"{name}@world.test", provider_family=name, imap_host="127.0.0.1", as_of=NOW
        )
    for day in range(3):
        world.send_placement_tests(later(days=day))
    rows = execute(world, "select mailbox_id, count(distinct seed_id) as seeds from ledger.placement_tests group by 1")
    assert [row["seeds"] for row in rows] == [3, 3, 3]
    assert world.send_placement_tests(later(days=3), family="two") == {"sent": 3}
    assert [test.provider_family for test in world.placement_tests(later(days=3))][:3] == ["two"] * 3


def test_a_refused_test_mail_is_told_and_a_waiting_mailbox_is_left_alone(
    world: App, mail: tuple[SmtpRecorder, int]
) -> None:
    execute(world, "update ledger.provider_accounts set config = config || jsonb_build_object('port', %s::integer)",
            closed_port())  # fmt: skip
    assert world.send_placement_tests(NOW) == {"refused": 3}
    assert {each.code for each in world.placement_tests(NOW)} == {"ProviderUnavailable"}
    assert world.read_placement_tests(later(days=2)) == {}


def test_test_mails_and_campaign_mails_share_the_limit(world: App) -> None:
    execute(world, "update ledger.mailboxes set daily_limit = 1")
    campaign = make_campaign(world, 1, people(5))
    world.send_placement_tests(NOW)
    assert not world.send_ledger.claim("own smtp", worker="w", now=later(minutes=1), limit=5).sends
    bound = {each.reason for each in world.explain_waiting(campaign, later(minutes=1)) if "@" in each.subject}
    assert bound == {Binding.MAILBOX_DAY}


def test_the_command_line_sends_reads_and_tells(
    world: App, mail: tuple[SmtpRecorder, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "app", lambda: world)
    result = CliRunner().invoke(main, ["placement", "--send"])
    assert result.exit_code == 0, result.output
    assert "3 sent" in result.output
    assert "box0@brand.test at world: 0 inbox, 0 spam, 0 elsewhere, 0 missing, 1 on their way" in result.output
    assert len(mail[0].mails) == 3


def test_only_an_admin_sets_a_seed_up_and_no_secret_gets_in(world: App) -> None:
    inbox = {"address": "a@world.test", "provider_family": "world", "imap_host": "imap.world.test", "as_of": NOW}
    with pytest.raises(NotAllowed):
        world.add_seed_inbox(ANALYST, **inbox)
    for wrong in (
        {"address": "A@world.test"}, {"provider_family": "My Mail"}, {"imap_host": "a b"}, {"imap_port": 0},
        {"tls": "maybe"}, {"secret_ref": "hunter2!"},
    ):  # fmt: skip
        with pytest.raises(InputInvalid):
            world.add_seed_inbox(ADMIN, **(inbox | wrong))


def test_the_sender_file_sets_seeds_and_curves_up(world: App) -> None:
    text = """
pools: [{name: outreach, warm_up_curve: "4,6,9"}]
seeds: [{address: s@world.test, provider_family: world, imap_host: imap.world.test}]
"""
    counts = apply_sender_file(world, text, as_of=NOW)
    assert (counts["pools"], counts["seed inboxes"]) == (1, 1)
    assert [seed.inbox.address for seed in world.seed_inboxes()] == ["s@world.test", "seed@world.test"]
    assert execute(world, "select warm_up_curve from ledger.pools where name = 'outreach'")[0] == {
        "warm_up_curve": "4,6,9"
    }
