"""A campaign through each API provider: claimed, handed over in batches, answered, written, and bounced by events."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest

from leadmill.bootstrap import App
from tests.provider_apis import MailgunApi, PostmarkApi, ProviderApi, SendGridApi, SesApi, running
from tests.sending_world import ADMIN, NOW, later, make_campaign, make_mailboxes, make_pool, people, sends, states

APIS: dict[str, tuple[type[ProviderApi], str]] = {
    "ses": (SesApi, "endpoint"),
    "sendgrid": (SendGridApi, "host"),
    "mailgun": (MailgunApi, "host"),
    "postmark": (PostmarkApi, "host"),
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "AKIATEST:very-secret-key")


def lane_of(app: App, stack: ExitStack, provider: str, **config: Any) -> ProviderApi:
    kind, setting = APIS[provider]
    api = kind()
    url = stack.enter_context(running(api))
    app.add_provider_account(
        ADMIN,
        name="lane",
        provider=provider,
        config={setting: url, "timeout_seconds": 20} | config,
        secret_ref="env:TEST_KEY",
        spread="as_fast_as_possible",
        as_of=NOW,
    )
    return api


@pytest.mark.parametrize("provider", APIS)
def test_a_campaign_goes_out_once_to_everybody_in_few_calls(app: App, provider: str) -> None:
    with ExitStack() as stack:
        api = lane_of(app, stack, provider)
        pool = make_pool(app)
        make_mailboxes(app, 2, lane="lane", daily_limit=1000)
        campaign = make_campaign(app, pool, [*people(120), *people(2, "reject")])
        app.send_lane("lane", NOW, time_budget_seconds=20)
        assert states(app, campaign) == {"accepted": 120, "refused": 2}
        assert Counter(Counter(mail.recipient for mail in api.mailed).values()) == {1: 120}
        found = {row["send_id"]: row for row in sends(app, campaign)}
        assert all(found[int(mail.send_id)]["email"] == mail.recipient for mail in api.mailed)
        assert all(row["provider_message_id"] for row in found.values() if row["state"] == "accepted")
        assert len(api.requests) < 40
        first = api.mailed[0]
        assert "<p>Hello Jo</p>" in first.html
        assert f"{app.settings.edge_base_url}/u/" in first.html


@pytest.mark.parametrize("provider", APIS)
def test_a_call_without_an_answer_leaves_doubts_and_is_not_repeated(app: App, provider: str) -> None:
    with ExitStack() as stack:
        api = lane_of(app, stack, provider)
        pool = make_pool(app)
        make_mailboxes(app, 1, lane="lane", daily_limit=1000)
        campaign = make_campaign(app, pool, [*people(3), *people(1, "mute")])
        for minutes in (0, 2, 4):
            app.send_lane("lane", later(minutes=minutes), time_budget_seconds=5)
        assert states(app, campaign).keys() <= {"accepted", "ambiguous"}
        assert states(app, campaign)["ambiguous"] >= 1
        assert Counter(Counter(mail.recipient for mail in api.mailed).values()) == {1: 4}


def test_an_account_that_ses_throttles_half_way_sends_the_rest_later_and_nobody_twice(app: App) -> None:
    with ExitStack() as stack:
        api = lane_of(app, stack, "ses")
        pool = make_pool(app)
        make_mailboxes(app, 1, lane="lane", daily_limit=1000)
        campaign = make_campaign(app, pool, [*people(5), *people(3, "slow"), *people(5, "late")])
        app.send_lane("lane", NOW, time_budget_seconds=2)
        assert states(app, campaign)["planned"] >= 3
        SesApi.STATUSES = {kind: word for kind, word in SesApi.STATUSES.items() if kind != "slow"}  # type: ignore[misc]
        SesApi.ERRORS = {kind: error for kind, error in SesApi.ERRORS.items() if kind != "slow"}  # type: ignore[misc]
        try:
            app.send_lane("lane", later(minutes=10), time_budget_seconds=5)
        finally:
            SesApi.STATUSES["slow"] = "ACCOUNT_THROTTLED"
            SesApi.ERRORS["slow"] = (429, "TooManyRequestsException", "Maximum sending rate exceeded")
        assert states(app, campaign) == {"accepted": 13}
        assert Counter(Counter(mail.recipient for mail in api.mailed).values()) == {1: 13}
