"""Which addresses end in one inbox: a tag is cut off where something stands before it, and nowhere else."""

from __future__ import annotations

import pytest

from leadmill.bootstrap import App
from leadmill.domain.segments import Segment
from tests.campaign_world import make_lead, make_pool, suppress
from tests.event_world import ledger_rows


@pytest.mark.parametrize(
    ("address", "inbox"),
    [
        ("ann@x.test", "ann@x.test"),
        ("ann+news@x.test", "ann@x.test"),
        ("a+b@x.test", "a@x.test"),
        ("+491701111@x.test", "+491701111@x.test"),
        ("+491701111+news@x.test", "+491701111@x.test"),
        ("a@x.test", "a@x.test"),
        ("a.n.n+news@googlemail.com", "ann@gmail.com"),
        ("+49.170@gmail.com", "+49170@gmail.com"),
        ("a.nn@gmail.com", "ann@gmail.com"),
        ("ann@googlemail.com", "ann@gmail.com"),
        ("a.nn@notgmail.com", "a.nn@notgmail.com"),
        ("a.nn@gmail.com.test", "a.nn@gmail.com.test"),
    ],
)
def test_a_tag_is_what_stands_behind_a_plus_with_something_before_it(app: App, address: str, inbox: str) -> None:
    assert ledger_rows(app, f"select ledger.inbox('{address}') as inbox") == [{"inbox": inbox}]


def test_two_numbers_are_two_people(app: App) -> None:
    pool = make_pool(app)
    for number in ("+491701111", "+491702222", "+491703333"):
        make_lead(app, f"{number}@example.com")
    assert app.audience_preview(Segment(), pool).will_be_mailed == 3
    suppress(app, "+491701111@example.com")
    assert app.audience_preview(Segment(), pool).will_be_mailed == 2
    suppress(app, "+491702222+tag@example.com")
    assert app.audience_preview(Segment(), pool).will_be_mailed == 1
