"""What makes no sense is refused when an admin saves it, in a sentence: not when mail waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import REASON_LIMIT
from leadmill.errors import InputInvalid, LeadmillError
from tests.sending_world import ADMIN, ANALYST, NOW, execute, make_lane, make_mailboxes, make_pool


@pytest.mark.parametrize(
    ("provider", "config", "says"),
    [
        ("smtp", {"host": "mail.test", "hots": "x"}, "has no setting 'hots'; is it 'host'"),
        ("smtp", {}, "name no SMTP host"),
        ("smtp", {"preset": "ses"}, "name no SMTP region"),
        ("smtp", {"host": "mail.test", "port": 70_000}, "whole number from 1 to 65535"),
        ("smtp", {"host": "mail.test", "port": 25.5}, "whole number from 1 to 65535"),
        ("smtp", {"host": "mail.test", "tls": "maybe"}, "'tls'"),
        ("smtp", {"host": "mail.test", "timeout_seconds": float("inf")}, "'timeout_seconds' must be a number above 0"),
        ("smtp", {"host": "mail.test", "timeout_seconds": float("nan")}, "'timeout_seconds' must be a number above 0"),
        ("smtp", {"host": "a\r\nb"}, "'host' must be one line of text"),
        ("smtp", {"host": "x" * 501}, "'host' must be one line of text"),
        ("ses", {"regoin": "eu-central-1"}, "has no setting 'regoin'; is it 'region'"),
        ("ses", {"bulk": "yes"}, "'bulk' must be true or false"),
        ("sendgrid", {"host": "http://api.elsewhere.test"}, "'host'"),
        ("postmark", {"stream": 3}, "'stream' must be one line of text"),
        ("mailgun", {"nothing": 1}, "has no setting 'nothing'; there are"),
    ],
)
def test_an_account_is_refused_for_a_setting_that_its_provider_lacks(
    app: App, provider: str, config: dict[str, Any], says: str
) -> None:
    with pytest.raises(LeadmillError, match=says):
        app.add_provider_account(ADMIN, name="relay", provider=provider, config=config, as_of=NOW)
    assert execute(app, "select * from ledger.provider_accounts") == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"daily_limit": 0}, "daily limit lies between 1"),
        ({"daily_limit": 10**12}, "daily limit lies between 1"),
        ({"max_per_second": 0.0}, "Mails a second lie above 0"),
        ({"max_per_second": float("nan")}, "Mails a second lie above 0"),
        ({"name": "x" * 101}, "name has 101 characters; shorten it to 100"),
        ({"secret_ref": "env:" + "X" * 600}, "Where its secret is"),
    ],
)
def test_an_accounts_limits_and_names_are_bounded(app: App, changes: dict[str, Any], says: str) -> None:
    settings: dict[str, Any] = {"name": "relay", "provider": "smtp", "config": {"host": "mail.test"}, **changes}
    with pytest.raises(InputInvalid, match=says):
        app.add_provider_account(ADMIN, **settings, as_of=NOW)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"daily_limit": 10**7}, "daily limit lies between 0"),
        ({"hourly_limit": -1}, "hourly limit lies between 0"),
        ({"hourly_limit": 10**7}, "hourly limit lies between 0"),
        ({"min_gap_seconds": -1}, "gap between two mails lies between 0"),
        ({"min_gap_seconds": 86_401}, "gap between two mails lies between 0"),
        ({"display_name": "x" * 101}, "name that recipients see"),
        ({"user_name": "x" * 501}, "user name at the server"),
    ],
)
def test_a_mailboxs_limits_and_names_are_bounded(app: App, changes: dict[str, Any], says: str) -> None:
    make_lane(app, 2525)
    make_pool(app)
    app.add_sending_domain(ADMIN, name="own.test", as_of=NOW)
    with pytest.raises(InputInvalid, match=says):
        app.add_mailbox(ADMIN, address="a@own.test", account="own smtp", pool="pool", **changes, as_of=NOW)


@pytest.mark.parametrize("name", ["", "nodots", "a b.test", "-a.test", "a..test", "x" * 300 + ".test", "ä.test"])
def test_a_domain_that_is_none_gets_neither_a_row_nor_a_key(app: App, name: str) -> None:
    for refused in (
        lambda: app.add_sending_domain(ADMIN, name=name, as_of=NOW),
        lambda: app.new_dkim_keys(name, as_of=NOW),
    ):
        with pytest.raises(InputInvalid, match="is no domain name"):
            refused()


@pytest.mark.parametrize(
    "website", ["acme", "javascript:alert(1)", "https://", "http://[::1", "https://a.test/a b", "https://a.test/\n"]
)
def test_a_website_is_one_that_a_browser_opens(app: App, website: str) -> None:
    with pytest.raises(InputInvalid, match="is no web address; write it in full"):
        app.set_organisation(ADMIN, "Acme", "Main Street 1", NOW, website)


def test_a_seed_inbox_names_the_place_of_its_secret(app: App) -> None:
    for changes, says in (
        ({"secret_ref": "hunter2"}, "Where its secret is"),
        ({"user_name": "x" * 501}, "user name at the seed inbox's server"),
        ({"address": f"seed@{'x' * 260}.test"}, "seed inbox has an address"),
    ):
        seed: dict[str, Any] = {"address": "seed@gmail.test", "imap_host": "imap.gmail.test", **changes}
        with pytest.raises(InputInvalid, match=says):
            app.add_seed_inbox(ADMIN, provider_family="gmail", **seed, as_of=NOW)


def test_no_door_takes_a_reason_as_long_as_a_document(app: App) -> None:
    make_lane(app, 2525)
    make_pool(app)
    (mailbox,) = make_mailboxes(app, 1)
    long = "x" * (REASON_LIMIT + 1)
    for refused in (
        lambda: app.pause_mailbox(ANALYST, mailbox, reason=long, as_of=NOW),
        lambda: app.pause_account(ADMIN, "own smtp", reason=long, as_of=NOW),
        lambda: app.override_country_rule(ADMIN, "DE", ["consent"], NOW, reason=long),
        lambda: app.restore_country_rule(ADMIN, "DE", NOW, reason=long),
        lambda: app.take_over_sending(ADMIN, reason=long, as_of=NOW),
    ):
        with pytest.raises(InputInvalid, match="shorten it to 500"):
            refused()
    assert execute(app, "select status from ledger.mailboxes") == [{"status": "active"}]
