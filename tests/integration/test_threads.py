"""Follow-ups land beneath the mail before: by its Message-ID, whoever gave it, and by its subject where that is chosen."""

from __future__ import annotations

import email
from contextlib import ExitStack
from email.message import Message

import pytest

from leadmill.bootstrap import App
from leadmill.domain.send_references import message_id
from tests.integration.test_provider_lanes import APIS, lane_of
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.sending_world import (
    VIEWER,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    sends,
    states,
)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "AKIATEST:very-secret-key")


def conversations(app: App, campaign: int, mails: list[Message]) -> dict[int, list[Message]]:
    """Each lead's mails, first to last."""
    by_id = {mail["Message-ID"]: mail for mail in mails}
    key, found = app.settings.secret, dict[int, list[Message]]()
    for row in sorted(sends(app, campaign), key=lambda row: row["step"]):
        if row["state"] == "accepted":
            mail = by_id[message_id(row["send_id"], "brand.test", key)]
            found.setdefault(row["lead_id"], []).append(mail)
    return found


def test_each_lead_s_follow_ups_name_this_lead_s_own_mails_before(app: App) -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 3)
        campaign = make_campaign(app, pool, people(12), steps=3)
        other = make_campaign(app, pool, people(12, "other"))
        for days in (0, 4, 8):
            app.send_lane(lane, later(days=days), time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 36}
    assert states(app, other) == {"accepted": 12}
    mails = [email.message_from_bytes(mail) for mail in recorder.mails]
    for first, second, third in conversations(app, campaign, mails).values():
        assert first["In-Reply-To"] is None
        assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
        assert third["In-Reply-To"] == second["Message-ID"]
        assert third["References"] == f"{first['Message-ID']} {second['Message-ID']}"


def test_a_follow_up_without_a_subject_carries_on_the_one_that_its_lead_got(app: App) -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 2)
        campaign = make_campaign(app, pool, people(10), steps=3)
        (row,) = execute(
            app,
            "insert into ledger.variants (campaign_id, step, label, subject, body_html)"
            " select campaign_id, 1, 'B', 'Hello {{ first_name }}', body_html from ledger.variants"
            " where campaign_id = %s and step = 1 returning variant_id",
            campaign,
        )
        execute(app, "update ledger.variants set subject = '' where campaign_id = %s and step > 1", campaign)
        execute(
            app,
            "update ledger.sends set variant_id = %s where campaign_id = %s and step = 1 and send_id %% 2 = 0",
            row["variant_id"],
            campaign,
        )
        for days in (0, 4, 8):
            app.send_lane(lane, later(days=days), time_budget_seconds=5)
    mails = [email.message_from_bytes(mail) for mail in recorder.mails]
    found = {tuple(mail["Subject"] for mail in thread) for thread in conversations(app, campaign, mails).values()}
    assert found == {("Step 1", "Re: Step 1", "Re: Step 1"), ("Hello Jo", "Re: Hello Jo", "Re: Hello Jo")}


def test_a_lead_s_page_shows_the_subject_that_was_carried_on(lake_app: App) -> None:
    pool = make_pool(lake_app)
    campaign = make_campaign(lake_app, pool, people(1), steps=3)
    execute(lake_app, "update ledger.variants set subject = '' where campaign_id = %s and step > 1", campaign)
    mails = lake_app.lead_detail(VIEWER, sends(lake_app, campaign)[0]["lead_id"]).sends
    assert sorted(mail["subject"] for mail in mails) == ["Re: Step 1", "Re: Step 1", "Step 1"]


@pytest.mark.parametrize("provider", APIS)
def test_every_provider_is_told_which_mail_a_follow_up_answers(app: App, provider: str) -> None:
    with ExitStack() as stack:
        api = lane_of(app, stack, provider, **({"region": "eu-west-1"} if provider == "ses" else {}))
        pool = make_pool(app)
        make_mailboxes(app, 2, lane="lane", daily_limit=1000)
        campaign = make_campaign(app, pool, people(8), steps=2)
        for days in (0, 4):
            app.send_lane("lane", later(days=days), time_budget_seconds=20)
    assert states(app, campaign) == {"accepted": 16}
    rows = sends(app, campaign)
    first = {row["lead_id"]: row for row in rows if row["step"] == 1}
    headers = {int(mail.send_id): mail.headers for mail in api.mailed}
    for row in rows:
        before = first[row["lead_id"]]
        ours = message_id(before["send_id"], "brand.test", app.settings.secret)
        given = f"<{before['provider_message_id']}@eu-west-1.amazonses.com>"
        expected = None if row["step"] == 1 else given if provider == "ses" else ours
        assert headers[row["send_id"]].get("in-reply-to") == expected
        assert headers[row["send_id"]].get("references") == expected
