"""Delivered, bounced, opened, clicked, replied: overview, domain, campaign, variant, guardrails and scores say the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.outcomes import Outcomes
from leadmill.ports.reports import ReportScope
from tests.event_world import (
    NOON,
    SENT_AT,
    edge_line,
    land,
    make_sends,
    reply_mail,
    sendgrid_event,
    ses_record,
)

LATER = NOON + timedelta(hours=1)

# What happened to each mail, and the words that hold for it.
STORIES: dict[str, set[str]] = {
    "nothing": {"delivered"},
    "confirmed": {"delivered", "confirmed"},
    "opened twice": {"delivered", "confirmed", "opened"},
    "clicked, pictures blocked": {"delivered", "confirmed", "opened", "clicked"},
    "replied": {"delivered", "confirmed", "replied"},
    "a machine replied": {"delivered", "confirmed"},
    "a scanner opened and clicked": {"delivered", "confirmed"},
    "hard bounce after a confirmation": {"bounced"},
    "soft bounce": {"undelivered"},
    "blocked": {"undelivered"},
    "complained": {"delivered", "confirmed", "complained"},
    "refused at once": {"bounced"},
    "not tried": set(),
}
WORDS = ("delivered", "confirmed", "bounced", "undelivered", "complained", "opened", "clicked", "replied")


SCANNER = {"user_agent": "Barracuda Sentinel (EE)", "at": SENT_AT + timedelta(seconds=1), "url": "https://brand.test/"}
SES = {
    "confirmed": [{"word": "Delivery"}],
    "hard bounce after a confirmation": [{"word": "Delivery", "at": SENT_AT}, {"word": "Bounce"}],
    "soft bounce": [{"word": "Bounce", "status": "5.2.2"}],
    "blocked": [{"word": "Bounce", "status": "5.7.26"}],
    "complained": [{"word": "Complaint"}],
}
EDGE = {
    "opened twice": [{"kind": "opened"}, {"kind": "opened", "at": LATER}],
    "clicked, pictures blocked": [{"kind": "clicked", "url": "https://brand.test/"}],
    "a scanner opened and clicked": [{"kind": "opened"} | SCANNER, {"kind": "clicked"} | SCANNER],
}
REPLIES = {"replied": "", "a machine replied": "Auto-Submitted: auto-replied\r\n"}


@pytest.fixture
def world(lake_app: App) -> App:
    """Ten mails of each kind, told of by SES, SendGrid, our edge and the answers in a mailbox."""
    sends = {story: make_sends(lake_app, 10) for story in STORIES}
    land(
        lake_app, "edge", "e.json", [edge_line(s, **one) for story in EDGE for one in EDGE[story] for s in sends[story]]
    )
    land(lake_app, "ses", "s.json", [ses_record(s, **one) for story in SES for one in SES[story] for s in sends[story]])
    for story, headers in REPLIES.items():
        for send in sends[story]:
            lake_app.store.write(f"landing/inbound/2026/11/20/{send}.eml", reply_mail(lake_app, send, headers=headers))
    dropped = [sendgrid_event(send, "dropped", reason="Bounced Address") for send in sends["not tried"]]
    land(lake_app, "sendgrid", "d.json", dropped, array=True)
    for send in sends["refused at once"]:
        _refuse(lake_app, send)
    lake_app.collect_events(LATER)
    lake_app.project_events(LATER)
    return lake_app


def _refuse(app: App, send: int) -> None:
    """As a lane writes it down when RCPT is answered with "no such user"."""
    refuse = "update ledger.sends set state = 'refused', fault = 'address', code = '5.1.1', accepted_at = null where send_id = %s"
    count = (
        "insert into ledger.mailbox_usage (mailbox_id, day, refused_address) select mailbox_id, %s, 1 from ledger.sends "
        "where send_id = %s on conflict (mailbox_id, day) do update set refused_address = mailbox_usage.refused_address + 1"
    )
    with app.database.transaction() as ledger:
        ledger.execute(refuse, (send,))
        ledger.execute(count, (SENT_AT.date(), send))


def _words(outcomes: Outcomes) -> dict[str, int]:
    return {word: getattr(outcomes, word) for word in WORDS}


def test_every_place_says_the_same_of_every_mail(world: App) -> None:
    right = {word: 10 * sum(word in words for words in STORIES.values()) for word in WORDS}
    overview = world.overview(ReportScope(SENT_AT - timedelta(days=1), LATER))
    assert _words(overview.total) == right
    assert overview.total.tried == 10 * (len(STORIES) - 1)
    by_campaign = world.campaign_outcomes()
    variants = [each for campaign in by_campaign for each in world.variant_outcomes(campaign).values()]
    places = {
        "over time": [each for _, each in overview.over_time],
        "by domain": list(overview.by_domain.values()),
        "campaigns": list(by_campaign.values()),
        "variants": variants,
    }
    for place, parts in places.items():
        assert _words(sum(parts, Outcomes())) == right, place
    health = [each.health for each in world.mailbox_health(LATER).values()]
    assert sum(each.hard_bounced for each in health) == right["bounced"]
    assert sum(each.complained for each in health) == right["complained"]
    assert sum(each.sent for each in health) == overview.total.tried


def test_scores_learn_from_the_same_words(world: App) -> None:
    from leadmill.sql import query

    with world.lake.connect(read_only=True) as duck:
        duck.execute(query("lake/features", "make_send_outcomes"), {"as_of": LATER})
        counts = "select count(delivered_at), count(opened_at), count(clicked_at), count(replied_at) from send_outcomes"
        counted = duck.execute(counts).fetchone()
    total = world.overview(ReportScope(SENT_AT - timedelta(days=1), LATER)).total
    assert counted == (total.delivered, total.opened, total.clicked, total.replied)


def test_a_rate_has_one_base(world: App) -> None:
    total = world.overview(ReportScope(SENT_AT - timedelta(days=1), LATER)).total
    health = [each.health for each in world.mailbox_health(LATER).values()]
    whole = sum(health[1:], health[0])
    assert whole.bounce_rate == total.rate(total.bounced) == pytest.approx(20 / 120)
    assert Outcomes().rate(0) is None
