"""What the words of lead files mean, and that a doubtful one never means consent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.countries import country_code, country_codes
from leadmill.domain.lead_files import BatchProfile, ExpectationResult, LeadFileStatus, defaults_in_key, verdict_of
from leadmill.domain.lead_rules import REASONS, ROLE_LOCAL_PARTS
from leadmill.domain.lead_words import (
    OPTED_OUT,
    REFUSED,
    employee_count,
    flag_opts_out,
    legal_basis,
    status_opts_out,
    time_zone_name,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [("Germany", "DE"), ("allemagne", "DE"), ("DEU", "DE"), ("de", "DE"), ("usa", "US"), ("U.S.A.", "US"), ("UK", "GB"),
     ("España", "ES"), ("Côte d'Ivoire", "CI"), ("Korea", None), ("Congo", None), ("XX", None), ("Atlantis", None),
     ("日本", "JP"), ("The Netherlands", "NL")],
)  # fmt: skip
def test_a_country_is_understood_only_where_it_can_be_one_country(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_every_iso_code_stands_for_itself() -> None:
    codes = set(country_codes().values())

    assert len(codes) == 250  # 249 of ISO 3166-1, and XK
    assert all(country_code(code) == code for code in codes)


@pytest.mark.parametrize(
    ("text", "count"),
    [("12", 12), ("1,200", 1200), ("1 200", 1200), ("1.200", 1200), ("11-50", 11), ("10,000+", 10_000), ("51 to 200", 51),
     ("1200.0", 1200), ("many", None), ("-5", None), ("1e9", None), ("NaN", None), ("99999999", None), ("", None)],
)  # fmt: skip
def test_a_number_of_employees_is_a_number_or_the_low_end_of_a_range(text: str, count: int | None) -> None:
    assert employee_count(text) == count


@pytest.mark.parametrize(
    ("text", "basis"),
    [("opt_in", "consent"), ("Double Opt-In", "consent"), ("Freely given consent from contact", "consent"),
     ("Legitimate interest – prospect/lead", "legitimate_interest"), ("Performance of a contract", "contract"),
     ("no", REFUSED), ("unsubscribed", OPTED_OUT), ("maybe", None), ("Y?", None), ("Not applicable", None)],
)  # fmt: skip
def test_a_legal_basis_is_known_or_it_is_none(text: str, basis: str | None) -> None:
    assert legal_basis(text) == basis


@given(st.text())
def test_no_text_is_read_as_consent_unless_it_is_a_listed_word(text: str) -> None:
    if legal_basis(text) == "consent":
        assert any(letter.isalnum() for letter in text)
        assert not text.strip().endswith("?")


@pytest.mark.parametrize(("text", "name"), [("europe/berlin", "Europe/Berlin"), ("America/New York", "America/New_York"),
                                            ("Europe/Berln", None), ("GMT+25", None), ("IST", None)])  # fmt: skip
def test_a_time_zone_is_an_iana_name(text: str, name: str | None) -> None:
    assert time_zone_name(text) == name


@pytest.mark.parametrize(("text", "is_out"), [("", False), ("0", False), ("No", False), ("FALSE", False), ("1", True),
                                              ("yes", True), ("2025-01-01", True), ("spam complaint", True)])  # fmt: skip
def test_a_cell_of_an_opt_out_column_is_a_yes_unless_it_is_a_plain_no(text: str, is_out: bool) -> None:
    assert flag_opts_out(text) is is_out


def test_a_status_opts_out_only_by_words_that_say_so() -> None:
    assert status_opts_out("Unsubscribed")
    assert status_opts_out("cleaned")
    assert not status_opts_out("subscribed")
    assert not status_opts_out("Open - Not Contacted")


def test_business_desks_are_people_and_machines_are_not() -> None:
    assert not {"info", "sales", "contact"} & set(ROLE_LOCAL_PARTS)
    assert {"noreply", "postmaster", "abuse"} <= set(ROLE_LOCAL_PARTS)


def test_every_reason_has_a_sentence() -> None:
    assert all(sentence.endswith((".", ").")) and len(sentence) > 20 for sentence in REASONS.values())


def result(severity: str, *, success: bool) -> ExpectationResult:
    return ExpectationResult("expectation", "column", severity, success, "1", "0", "A sentence.")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([result("critical", success=True), result("warning", success=True)], LeadFileStatus.ACCEPTED),
        ([result("critical", success=True), result("warning", success=False)], LeadFileStatus.ACCEPTED_WITH_WARNINGS),
        ([result("critical", success=False), result("warning", success=False)], LeadFileStatus.REFUSED),
    ],
)
def test_the_gravest_failure_decides(results: list[ExpectationResult], status: LeadFileStatus) -> None:
    assert verdict_of(results).status is status


def test_folders_of_a_key_may_say_the_defaults() -> None:
    said = defaults_in_key("landing/leads/legal_basis=consent/source=spring fair/country=DE/may=1.csv")

    assert (said.legal_basis, said.source, said.country) == ("consent", "spring fair", "DE")


def test_a_share_of_no_rows_is_zero() -> None:
    assert BatchProfile(0, 0, 0, 0, 0, {}, 0, 0).share(0) == 0.0
