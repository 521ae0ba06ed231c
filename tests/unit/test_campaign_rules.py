"""Drafts, segments, statuses, capacity, A/B sizes and wording: pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.ab_tests import detectable_difference
from leadmill.domain.campaigns import (
    TRANSITIONS,
    CampaignDraft,
    CampaignStatus,
    Step,
    Timing,
    Variant,
    require_transition,
)
from leadmill.domain.capacity import MailboxLimit, days_needed
from leadmill.domain.content_hints import content_hints
from leadmill.domain.segments import LEGAL_BASES, Segment
from leadmill.domain.sending_policy import default_legal_bases
from leadmill.domain.template_fields import variable_name
from leadmill.errors import Conflict, InputInvalid

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TODAY = date(2026, 3, 2)
WORDS = st.lists(st.text(min_size=1, max_size=20), max_size=4).map(tuple)
IDS = st.lists(st.integers(1, 2**62), max_size=4).map(tuple)
SEGMENTS = st.builds(
    Segment,
    countries=st.lists(st.sampled_from(["DE", "FR"]), max_size=2).map(tuple),
    industries=WORDS,
    categories=WORDS,
    sources=WORDS,
    legal_bases=st.lists(st.sampled_from(sorted(LEGAL_BASES)), max_size=3).map(tuple),
    lead_file_ids=IDS,
    min_score=st.none() | st.floats(0, 0.5),
    max_score=st.none() | st.floats(0.5, 1),
    min_employees=st.none() | st.integers(0, 10),
    max_employees=st.none() | st.integers(10, 1000),
    text=st.text(max_size=200),
    include_lead_ids=IDS,
    exclude_lead_ids=IDS,
)


@given(SEGMENTS)
def test_a_segment_survives_json(segment: Segment) -> None:
    import json

    assert Segment.from_json(json.loads(json.dumps(segment.to_json()))) == segment
    assert segment.problems() == []


def test_a_zero_bound_is_a_bound() -> None:
    assert Segment(min_score=0.0, max_employees=0).to_json() == {"min_score": 0.0, "max_employees": 0}


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(InputInvalid, match="colour"):
        Segment.from_json({"colour": "blue"})


@pytest.mark.parametrize(
    "segment",
    [
        Segment(countries=("Germany",)),
        Segment(countries=("de",)),
        Segment(legal_bases=("luck",)),
        Segment(min_score=1.1),
        Segment(min_score=0.9, max_score=0.1),
        Segment(min_employees=-1),
        Segment(min_employees=10, max_employees=1),
        Segment(text="x" * 201),
    ],
)
def test_a_segment_without_sense_says_why(segment: Segment) -> None:
    assert len(segment.problems()) == 1


VARIANT = Variant("A", "Hi", "<p>x</p>")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "x" * 201}, "name"),
        ({"send_hour": 24}, "send hour"),
        ({"timing": Timing.LOCAL_TIME}, "send hour"),
        ({"starts_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - naive on purpose
        ({"starts_at": NOW, "ends_at": NOW - timedelta(days=1)}, "after the start"),
        ({"steps": (Step(()),)}, "1 to 10 variants"),
        ({"steps": (Step((VARIANT, VARIANT)),)}, "label"),
        ({"steps": (Step((Variant("A", "Hi", "x", weight=0),)),)}, "weight"),
        ({"steps": (Step((Variant("A", "Hi", "x", weight=float("nan")),)),)}, "weight"),
        ({"steps": (Step((VARIANT,), delay_days=2),)}, "delay is 0"),
        ({"steps": (Step((VARIANT,)), Step((VARIANT,), delay_days=366))}, "365"),
        ({"steps": (Step((VARIANT,)),) * 21}, "20 steps"),
    ],
)
def test_a_draft_without_sense_says_why(changes: dict, words: str) -> None:
    (problem,) = CampaignDraft(**({"name": "Spring"} | changes)).problems()
    assert words in problem


def test_a_finished_or_deleted_campaign_stays_so() -> None:
    for status in (CampaignStatus.FINISHED, CampaignStatus.DELETED):
        assert not TRANSITIONS[status]
        with pytest.raises(Conflict, match=status.value):
            require_transition("Spring", status, CampaignStatus.RUNNING)


def test_a_draft_runs_only_by_approval() -> None:
    require_transition("Spring", CampaignStatus.DRAFT, CampaignStatus.APPROVED)
    with pytest.raises(Conflict):
        require_transition("Spring", CampaignStatus.DRAFT, CampaignStatus.RUNNING)


def test_a_pool_takes_the_strictest_policy_of_its_providers() -> None:
    assert default_legal_bases(["smtp"]) == LEGAL_BASES
    assert default_legal_bases(["smtp", "ses"]) == {"consent", "contract"}


@given(st.integers(0, 100_000), st.lists(st.integers(0, 60), max_size=5))
def test_days_needed_are_just_enough(sends: int, limits: list[int]) -> None:
    days = days_needed(sends, [MailboxLimit(limit) for limit in limits], first_day=TODAY)
    if sends and not sum(limits):
        assert days is None
    else:
        assert days is not None
        assert days * sum(limits) >= sends
        assert days == 0 or (days - 1) * sum(limits) < sends


def test_a_young_mailbox_needs_longer() -> None:
    young = [MailboxLimit(40, warm_up_started_on=TODAY)]
    assert days_needed(40, young, first_day=TODAY) == 6  # 5 + 5 + 6 + 7 + 8 + 9
    assert days_needed(40, [MailboxLimit(40)], first_day=TODAY) == 1


def test_a_larger_test_shows_smaller_differences() -> None:
    found = [detectable_difference(n) for n in (0, 10, 100, 1000, 10_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1.0
    assert detectable_difference(1000) == pytest.approx(0.05, abs=0.002)


def test_wording_that_alarms_filters_is_named() -> None:
    html = '<a href="https://bit.ly/x">x</a><script></script>' + "x" * 102_001
    assert len(content_hints("RE: FREE MONEY!!!" + " x" * 40, html, is_first_step=True)) >= 6
    assert content_hints("Your March offer", "<p>Hello</p>", is_first_step=True) == []
    assert content_hints("Re: our offer", "<p>Hello</p>", is_first_step=False) == []


@pytest.mark.parametrize(
    ("column", "name"),
    [("Favourite Colour", "favourite_colour"), ("  E-Mail (2)", "e_mail_2"), ("größe", "gr_e"), ("北京", "")],
)
def test_a_column_s_variable_is_an_ascii_name(column: str, name: str) -> None:
    assert variable_name(column) == name
