"""When history is enough, and how reasons read."""

from __future__ import annotations

import numpy as np
import pytest

from leadmill.domain.lead_score import Feature, History, ReasonBook
from leadmill.domain.time_zones import country_zones

SIZE = Feature("employees", (51, 201), ("Small", "Middle", "Large"), "Size unknown")
CLICKS = Feature("clicked_30d", (0.5,), ("No click", "Clicked"), "Clicks unknown")
BOOK = ReasonBook([SIZE, CLICKS])


def words(rows: np.ndarray, effects: np.ndarray) -> list[str]:
    label = {code: text for code, _, text in BOOK.labels()}
    _, _, codes, _ = BOOK.strongest(rows.astype(np.float32), effects.astype(np.float32))
    return [label[code] for code in codes]


@pytest.mark.parametrize(
    ("delivered", "responded", "enough"), [(0, 0, False), (499, 50, False), (500, 9, False), (500, 10, True)]
)
def test_history_is_enough_with_500_mailed_and_10_answers(delivered: int, responded: int, enough: bool) -> None:
    assert History(delivered, responded).is_enough is enough


def test_the_rate_lies_between_prior_and_observed() -> None:
    assert History(0, 0).rate(0.05) == 0.05
    assert 0.05 < History(200, 40).rate(0.05) < 0.2


def test_reasons_come_strongest_first_and_in_words() -> None:
    assert words(np.array([[120, 2]]), np.array([[0.2, -0.9]])) == ["Clicked", "Middle"]


def test_an_edge_belongs_to_the_band_above_and_unknown_is_said() -> None:
    assert words(np.array([[51, 0], [50, 0], [np.nan, 0]]), np.array([[1, 0]] * 3)) == [
        "Middle",
        "Small",
        "Size unknown",
    ]


def test_what_hardly_moves_the_odds_is_no_reason() -> None:
    assert words(np.array([[120, 2]]), np.array([[0.01, -0.02]])) == []


def test_a_country_with_one_zone_is_surer_than_one_with_several() -> None:
    found = {z.country: z for z in country_zones({"IN": ["Asia/Kolkata"], "US": ["America/Adak", "America/New_York"]})}
    assert found["US"].time_zone == "America/New_York"
    assert found["US"].confidence < found["IN"].confidence
