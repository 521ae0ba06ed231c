"""Moments, quantities, countries and templates as pages and alerts write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from leadmill.domain.countries import country_name
from leadmill.domain.moments import day_in_words, in_words
from leadmill.domain.quantities import counted
from leadmill.domain.template_fields import in_plain_words


def test_a_moment_has_one_form_in_utc() -> None:
    assert in_words(datetime(2026, 12, 6, 8, 5, tzinfo=UTC)) == "6 Dec 2026, 08:05 UTC"
    assert in_words(datetime(2026, 12, 6, 0, 5, tzinfo=timezone(timedelta(hours=1)))) == "5 Dec 2026, 23:05 UTC"
    assert day_in_words(date(2026, 11, 22)) == "22 Nov 2026"


def test_one_is_singular_and_thousands_are_marked() -> None:
    assert counted(1, "spam complaint") == "1 spam complaint"
    assert counted(2_000, "spam complaint") == "2,000 spam complaints"
    assert counted(0, "mail is", "mails are") == "0 mails are"


def test_a_country_has_its_name_and_an_unknown_code_stays() -> None:
    assert country_name("DE") == "Germany"
    assert country_name("ZZ") == "ZZ"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ company | default('Your workshop') }}: spare parts", "[company]: spare parts"),
        ("{% if first_name %}{{ first_name }}, {% endif %}a  question", "[first name], a question"),
        ('{{ block("intro") }}Hi{# later #}', "[block]Hi"),
        ("no template", "no template"),
    ],
)
def test_a_template_is_told_with_its_fields_by_name(template: str, said: str) -> None:
    assert in_plain_words(template) == said
