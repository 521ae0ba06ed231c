"""The words for a campaign's days, and what makes them impossible."""

from __future__ import annotations

import pytest

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.send_days import EVERY_DAY, WORKING_DAYS, SendDays


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (EVERY_DAY, "every day"),
        (WORKING_DAYS, "working days where the lead lives, not on public holidays of the lead's country"),
        (SendDays((1, 2, 3, 4, 5)), "Mon-Fri"),
        (SendDays((2, 3, 4), skips_holidays=True), "Tue-Thu, not on public holidays of the lead's country"),
        (SendDays((5, 1)), "Mon, Fri"),
        (SendDays((1, 2, 4, 5, 6)), "Mon, Tue, Thu-Sat"),
    ],
)
def test_days_in_words(days: SendDays, words: str) -> None:
    assert days.in_words() == words


@pytest.mark.parametrize("weekdays", [(), (0,), (8, 1)])
def test_days_that_no_week_has_are_refused(weekdays: tuple[int, ...]) -> None:
    (problem,) = CampaignDraft("Spring", send_days=SendDays(weekdays)).problems()
    assert problem == "Choose at least one day of the week on which mails go out."


@pytest.mark.parametrize("days", [0, 15])
def test_a_best_hour_is_looked_for_within_days_not_months(days: int) -> None:
    (problem,) = CampaignDraft("Spring", best_of_days=days).problems()
    assert problem == "A best hour is looked for within 1 to 14 days."


@pytest.mark.parametrize(("days", "is_asked"), [(EVERY_DAY, False), (WORKING_DAYS, True), (SendDays((1,)), False)])
def test_only_working_days_and_holidays_ask_for_the_country(days: SendDays, is_asked: bool) -> None:
    assert days.asks_country is is_asked
    assert SendDays(days.weekdays, skips_holidays=True).asks_country
