"""Checking blacklists against a DNS server of ours on loopback: every way a list can behave."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from leadmill.adapters.dns import DnsLookup, Resolver, resolvers_of
from leadmill.bootstrap import App
from leadmill.domain.blacklists import Outcome
from leadmill.domain.dns import DnsStatus
from leadmill.errors import ConfigInvalid, NotFound
from leadmill.local.dns_server import HOST, LocalDnsServer, Mode

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def dns() -> Iterator[LocalDnsServer]:
    with LocalDnsServer() as server:
        yield server


def watcher(app: App, dns: LocalDnsServer, **changes: object) -> App:
    values = {
        "dns_resolver": dns.address,
        "dns_timeout_seconds": 0.2,
        "dnsbl_ip_zones": SecretStr("zen.spamhaus.org"),
        "dnsbl_domain_zones": SecretStr("dbl.spamhaus.org,multi.surbl.org"),
    }
    return App(app.settings.model_copy(update=values | changes))


def add_domain(app: App, name: str, *ips: str, status: str = "active") -> None:
    with app.database.transaction() as connection:
        connection.execute(
            "insert into ledger.sending_domains (name, sending_ips, status, created_at) values (%s, %s, %s, %s)",
            [name, list(ips), status, NOW],
        )


def domain(app: App, name: str) -> dict[str, object]:
    with app.database.transaction() as connection:
        row = connection.execute("select * from ledger.sending_domains where name = %s", [name]).fetchone()
    assert row
    return row


@pytest.fixture
def watching(lake_app: App, dns: LocalDnsServer) -> App:
    add_domain(lake_app, "acme.example", "192.0.2.10")
    add_domain(lake_app, "other.example", "192.0.2.10", "192.0.2.11")
    return watcher(lake_app, dns)


def test_clean_subjects_are_clean_everywhere_and_raise_nothing(watching: App) -> None:
    counts = watching.check_blacklists(NOW)
    assert counts == {
        "subjects": 4, "zones": 3, "unusable_zones": 0, "listed": 0, "clean": 6, "unknown": 0, "newly_listed": 0,
        "resolved": 0,
    }  # fmt: skip
    assert watching.open_alerts() == []
    assert {row.outcome for row in watching.blacklist_status()} == {Outcome.CLEAN}


def test_a_listed_domain_cools_down_and_alerts_within_the_run(watching: App, dns: LocalDnsServer) -> None:
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("acme.example")
    assert watching.check_blacklists(NOW)["newly_listed"] == 1
    [alert] = watching.open_alerts()
    assert (alert.kind, alert.severity, alert.subject) == ("blacklist_listing", "critical", "acme.example")
    assert "127.0.1.2 spam domain" in alert.message
    row = domain(watching, "acme.example")
    assert (row["status"], row["cool_down_until"]) == ("cooling_down", NOW + timedelta(weeks=2))
    assert domain(watching, "other.example")["status"] == "active"
    with watching.database.transaction() as connection:
        audit = connection.execute("select actor, action, reason from ledger.audit_log").fetchall()
    assert audit == [{"actor": "system", "action": "domain.cool_down", "reason": "listed by dbl.spamhaus.org"}]


def test_a_listing_rings_once_until_it_is_over_and_again_when_it_comes_back(watching: App, dns: LocalDnsServer) -> None:
    zone = dns.blacklists.zones["dbl.spamhaus.org"]
    zone.list_subject("acme.example")
    assert [watching.check_blacklists(NOW + n * HOUR)["newly_listed"] for n in range(3)] == [1, 0, 0]
    [alert] = watching.open_alerts()
    assert alert.occurrences == 1
    zone.mode = Mode.SERVFAIL
    assert watching.check_blacklists(NOW + 3 * HOUR)["resolved"] == 0
    assert "blacklist_listing" in {alert.kind for alert in watching.open_alerts()}
    zone.mode = Mode.HEALTHY
    zone.delist("acme.example")
    assert watching.check_blacklists(NOW + 4 * HOUR)["resolved"] == 1
    assert watching.open_alerts() == []
    zone.list_subject("acme.example")
    assert watching.check_blacklists(NOW + 5 * HOUR)["newly_listed"] == 1


def test_a_run_that_is_repeated_changes_nothing(watching: App, dns: LocalDnsServer) -> None:
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("acme.example")
    watching.check_blacklists(NOW)
    before = (watching.blacklist_status(), watching.open_alerts(), domain(watching, "acme.example"))
    watching.check_blacklists(NOW)
    assert before == (watching.blacklist_status(), watching.open_alerts(), domain(watching, "acme.example"))
    with watching.lake.connect(read_only=True) as duck:
        assert duck.execute(
            "select count(*), count(distinct (subject, zone)) from lake.blacklist_checks"
        ).fetchone() == (6, 6)


def test_with_one_check_a_run_the_second_hour_alerts(watching: App, dns: LocalDnsServer) -> None:
    patient = watcher(watching, dns, dnsbl_checks_per_run=1)
    dns.blacklists.zones["zen.spamhaus.org"].list_subject("192.0.2.11")
    assert patient.check_blacklists(NOW)["newly_listed"] == 0
    assert patient.open_alerts() == []
    assert patient.check_blacklists(NOW + HOUR)["newly_listed"] == 1
    assert [alert.subject for alert in patient.open_alerts()] == ["192.0.2.11"]


def test_a_cool_down_outlasts_the_listing_but_yields_to_a_person(watching: App, dns: LocalDnsServer) -> None:
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("acme.example")
    watching.check_blacklists(NOW)
    late = NOW + timedelta(days=13, hours=23)
    watching.check_blacklists(late)
    assert domain(watching, "acme.example")["cool_down_until"] == late + timedelta(days=1)
    with watching.database.transaction() as connection:
        connection.execute("update ledger.sending_domains set status = 'active', cool_down_until = null")
    watching.check_blacklists(late + HOUR)
    assert domain(watching, "acme.example")["status"] == "active"


def test_a_paused_domain_stays_paused(watching: App, dns: LocalDnsServer) -> None:
    with watching.database.transaction() as connection:
        connection.execute("update ledger.sending_domains set status = 'paused', status_reason = 'by hand'")
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("acme.example")
    watching.check_blacklists(NOW)
    assert domain(watching, "acme.example")["status_reason"] == "by hand"
    assert len(watching.open_alerts()) == 1


@pytest.mark.parametrize(
    "mode",
    [Mode.SILENT, Mode.SERVFAIL, Mode.REFUSED, Mode.BLOCKED, Mode.WILDCARD, Mode.PARKED, Mode.EMPTY, Mode.GARBAGE],
)
def test_a_list_that_misbehaves_lists_nobody_and_warns_once(watching: App, dns: LocalDnsServer, mode: Mode) -> None:
    zone = dns.blacklists.zones["dbl.spamhaus.org"]
    zone.list_subject("acme.example")
    zone.mode = mode
    counts = watching.check_blacklists(NOW)
    assert (counts["unusable_zones"], counts["listed"], counts["unknown"]) == (1, 0, 2)
    watching.check_blacklists(NOW + HOUR)
    [alert] = watching.open_alerts()
    assert (alert.kind, alert.severity, alert.subject) == ("blacklist_zone", "warning", "dbl.spamhaus.org")
    assert domain(watching, "acme.example")["status"] == "active"
    zone.mode = Mode.HEALTHY
    watching.check_blacklists(NOW + 2 * HOUR)
    assert [alert.kind for alert in watching.open_alerts()] == ["blacklist_listing"]


def test_when_no_list_answers_one_alert_points_at_the_resolver(watching: App, dns: LocalDnsServer) -> None:
    for zone in dns.blacklists.zones.values():
        zone.mode = Mode.REFUSED
    assert watching.check_blacklists(NOW)["unknown"] == 6
    [alert] = watching.open_alerts()
    assert "LEADMILL_DNS_RESOLVER" in alert.message
    for zone in dns.blacklists.zones.values():
        zone.mode = Mode.HEALTHY
    watching.check_blacklists(NOW + HOUR)
    assert watching.open_alerts() == []


def test_two_checks_that_disagree_are_unknown(watching: App, dns: LocalDnsServer) -> None:
    zone = dns.blacklists.zones["dbl.spamhaus.org"]

    class Flicker(dict[str, tuple[str, ...]]):
        def get(self, name: str, default: object = ()) -> tuple[str, ...]:  # type: ignore[override]
            return self.pop(name, ()) if name.startswith("acme.") else super().get(name, ())

    zone.list_subject("acme.example")
    zone.entries = Flicker(zone.entries)
    assert watching.check_blacklists(NOW)["listed"] == 0
    assert [row.answer for row in watching.blacklist_status() if row.outcome is Outcome.UNKNOWN] == [
        "two checks at once disagreed"
    ]
    assert watching.open_alerts() == []


def test_a_provider_range_listing_of_a_shared_address_is_no_news(lake_app: App, dns: LocalDnsServer) -> None:
    add_domain(lake_app, "ses.example", "198.51.100.7")
    with lake_app.database.transaction() as connection:
        connection.execute(
            "insert into ledger.provider_accounts (name, provider, created_at) values ('ses', 'ses', now());"
            "insert into ledger.pools (name, accepts_legal_bases, created_at) values ('p', '{consent}', now());"
            "insert into ledger.mailboxes (domain_id, account_id, pool_id, address, created_at)"
            " values (1, 1, 1, 'a@ses.example', now())"
        )
    dns.blacklists.zones["zen.spamhaus.org"].list_subject("198.51.100.7", "127.0.0.10")
    assert watcher(lake_app, dns).check_blacklists(NOW)["listed"] == 0


def test_tracking_and_link_domains_are_watched_by_their_registrable_names(lake_app: App, dns: LocalDnsServer) -> None:
    with lake_app.database.transaction() as connection:
        connection.execute(
            "insert into ledger.campaigns (name, status, created_by, created_at, updated_at)"
            " values ('c', 'running', 'x', now(), now()), ('d', 'draft', 'x', now(), now());"
            "insert into ledger.campaign_steps (campaign_id, step) values (1, 1), (2, 1);"
            "insert into ledger.variants (campaign_id, step, label, subject, body_html) values"
            " (1, 1, 'A', 's', '<a href=\"https://www.Offer.Example/x?y=1\">a</a> http://127.0.0.1:8000/'),"
            " (2, 1, 'A', 's', '<a href=\"https://draft.example\">')"
        )
    app = watcher(lake_app, dns, edge_base_url="https://go.track.example")
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("offer.example")
    app.check_blacklists(NOW)
    assert {row.subject for row in app.blacklist_status()} == {"offer.example", "track.example"}
    assert [(alert.subject, alert.severity) for alert in app.open_alerts()] == [("offer.example", "warning")]


def test_only_the_named_subjects_and_lists_are_asked(watching: App, dns: LocalDnsServer) -> None:
    watching.check_blacklists(NOW, subjects=["acme.example"], zones=["dbl.spamhaus.org"])
    assert [(row.subject, row.zone) for row in watching.blacklist_status()] == [("acme.example", "dbl.spamhaus.org")]
    assert not any("surbl" in name for name in dns.blacklists.queries)
    for wrong in ({"subjects": ["nobody.example"]}, {"zones": ["nothing.example"]}):
        with pytest.raises(NotFound):
            watching.check_blacklists(NOW, **wrong)


def test_what_is_no_longer_watched_leaves_no_standing_and_no_alert(watching: App, dns: LocalDnsServer) -> None:
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("acme.example")
    watching.check_blacklists(NOW)
    with watching.database.transaction() as connection:
        connection.execute("delete from ledger.sending_domains where name = 'acme.example'")
    watching.check_blacklists(NOW + HOUR)
    assert "acme.example" not in {row.subject for row in watching.blacklist_status()}
    assert watching.open_alerts() == []


def test_the_history_shows_when_a_standing_changed(watching: App, dns: LocalDnsServer) -> None:
    zone = dns.blacklists.zones["dbl.spamhaus.org"]
    watching.check_blacklists(NOW)
    watching.check_blacklists(NOW + HOUR)
    zone.list_subject("acme.example")
    watching.check_blacklists(NOW + 2 * HOUR)
    changes = watching.blacklist_history("acme.example", since=NOW)
    assert [(c.checked_at, c.outcome) for c in changes if c.zone == "dbl.spamhaus.org"] == [
        (NOW + 2 * HOUR, Outcome.LISTED),
        (NOW, Outcome.CLEAN),
    ]


def test_a_personal_key_reaches_the_resolver_and_nothing_else(lake_app: App, dns: LocalDnsServer) -> None:
    add_domain(lake_app, "acme.example", "192.0.2.10")
    app = watcher(lake_app, dns, dnsbl_ip_zones=SecretStr(f"{KEY}.zen.dq.spamhaus.net"))
    app.check_blacklists(NOW)
    assert any(KEY in name for name in dns.blacklists.queries)
    kept = repr((app.blacklist_status(), app.open_alerts(), app.settings))
    with app.lake.connect(read_only=True) as duck:
        kept += repr(duck.execute("select * from lake.blacklist_checks").fetchall())
    assert "zen.dq.spamhaus.net" in kept
    assert KEY not in kept


def test_the_resolver_tells_every_kind_of_silence_apart(dns: LocalDnsServer) -> None:
    lookup = DnsLookup(resolvers_of(dns.address), timeout_seconds=0.1, tries=1)
    dns.blacklists.zones["psbl.surriel.com"].mode = Mode.SILENT
    dns.blacklists.zones["bl.spamcop.net"].mode = Mode.SERVFAIL
    answers = lookup.look_up(
        [
            "test.dbl.spamhaus.org", "nobody.dbl.spamhaus.org", "0.0.127.zen.spamhaus.org", "x.psbl.surriel.com",
            "x.bl.spamcop.net", "not.ours.example", f"{'a' * 64}.example", "test.dbl.spamhaus.org",
        ]
    )  # fmt: skip
    assert [answer.status for answer in answers] == [
        DnsStatus.ADDRESSES, DnsStatus.NO_NAME, DnsStatus.NO_ADDRESS, DnsStatus.TIMEOUT,
        DnsStatus.SERVER_FAILED, DnsStatus.REFUSED, DnsStatus.UNREADABLE, DnsStatus.ADDRESSES,
    ]  # fmt: skip


def test_a_second_resolver_is_asked_when_the_first_does_not_answer(dns: LocalDnsServer) -> None:
    lookup = DnsLookup([Resolver(HOST, 9), Resolver(HOST, dns.port)], timeout_seconds=0.2)
    assert lookup.look_up(["test.dbl.spamhaus.org"])[0].addresses == ("127.0.1.2",)


@pytest.mark.parametrize(
    ("setting", "resolver"),
    [
        ("127.0.0.1:8053", Resolver("127.0.0.1", 8053)),
        ("10.0.0.2", Resolver("10.0.0.2", 53)),
        ("[::1]:5353", Resolver("::1", 5353)),
    ],
)
def test_a_resolver_setting_is_an_address_and_a_port(setting: str, resolver: Resolver) -> None:
    assert resolvers_of(setting) == (resolver,)


@pytest.mark.parametrize("setting", ["localhost:53", "127.0.0.1:dns"])
def test_a_resolver_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(ConfigInvalid):
        resolvers_of(setting)


def test_the_server_process_lists_by_option_and_by_file(tmp_path: Path) -> None:
    listed = tmp_path / "listed.txt"
    listed.write_text("# nothing yet\n")
    command = [sys.executable, "-m", "leadmill.local.dns_server", "--port", "0", "--listed", "bad.example"]
    with subprocess.Popen([*command, "--listed-file", str(listed)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline().split(":")[1].split("/")[0])
        lookup = DnsLookup([Resolver(HOST, port)])
        questions = ["bad.example.dbl.spamhaus.org", "new.example.multi.surbl.org"]
        assert [a.addresses for a in lookup.look_up(questions)] == [("127.0.1.2",), ()]
        listed.write_text("new.example multi.surbl.org 127.0.0.64\nnonsense no.such.zone\n")
        time.sleep(0.01)
        assert [a.addresses for a in lookup.look_up(questions)] == [("127.0.1.2",), ("127.0.0.64",)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_with_nothing_to_watch_a_run_does_nothing(lake_app: App, dns: LocalDnsServer) -> None:
    counts = watcher(lake_app, dns).check_blacklists(NOW)
    assert (counts["subjects"], counts["listed"] + counts["clean"] + counts["unknown"]) == (0, 0)


def test_two_runs_at_once_come_to_the_same_as_one(watching: App, dns: LocalDnsServer) -> None:
    dns.blacklists.zones["dbl.spamhaus.org"].list_subject("acme.example")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: watching.check_blacklists(NOW), range(2)))
    assert [(alert.kind, alert.occurrences) for alert in watching.open_alerts()] == [("blacklist_listing", 1)]
    assert [row.consecutive for row in watching.blacklist_status() if row.outcome is Outcome.LISTED] == [2]
    with watching.lake.connect(read_only=True) as duck:
        assert duck.execute("select count(*) from lake.blacklist_checks").fetchone() == (6,)
    with watching.database.transaction() as connection:
        assert connection.execute("select count(*) as n from ledger.audit_log").fetchone() == {"n": 1}
