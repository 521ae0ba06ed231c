"""Columns of lead files: known by name in several languages, else by content."""

from __future__ import annotations

import pytest

from leadmill.domain.lead_columns import Field, field_rank, map_columns

ADDRESSES = ["a@x.test", "b@x.test", "c@x.test"]


def mapped(*headers: str, samples: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    columns = [(samples or {}).get(header, []) for header in headers]
    return map_columns(headers, columns).for_people()


@pytest.mark.parametrize(
    ("header", "field"),
    [("E-Mail-Adresse", Field.EMAIL), ("Correo electrónico", Field.EMAIL), ("Adresse électronique", Field.EMAIL),
     ("Vorname", Field.FIRST_NAME), ("Prénom", Field.FIRST_NAME), ("Apellidos", Field.LAST_NAME),
     ("Société", Field.COMPANY), ("Imię", Field.FIRST_NAME), ("Zeitzone", Field.TIME_ZONE), ("CC", Field.COUNTRY),
     ("Legal basis for processing contact's data", Field.LEGAL_BASIS), ("HasOptedOutOfEmail", Field.OPTED_OUT),
     ("# Employees", Field.EMPLOYEE_COUNT), ("Rechtsgrundlage", Field.LEGAL_BASIS), ("OPTIN_TIME", Field.CONSENT_AT)],
)  # fmt: skip
def test_a_column_is_known_by_its_name_in_several_languages(header: str, field: Field) -> None:
    rank = field_rank(header)

    assert rank is not None
    assert rank[0] is field


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (  # HubSpot
            ("Record ID", "First Name", "Last Name", "Email", "Phone Number", "Associated Company", "Time Zone",
             "Unsubscribed from all email"),
            {"email", "first_name", "last_name", "phone", "company", "time_zone", "opted_out"},
        ),
        (  # Salesforce
            ("FirstName", "LastName", "Title", "Company", "Email", "Lead Source", "Country", "HasOptedOutOfEmail"),
            {"email", "first_name", "last_name", "job_title", "company", "source", "country", "opted_out"},
        ),
        (  # Apollo
            ("First Name", "Last Name", "Title", "Company", "Email", "Email Status", "Work Direct Phone",
             "Corporate Phone", "# Employees", "Industry", "Website", "City", "State", "Country"),
            {"email", "first_name", "last_name", "job_title", "company", "status", "phone", "employee_count", "industry",
             "website", "city", "region", "country"},
        ),
    ],
)  # fmt: skip
def test_an_export_of_a_known_system_is_mapped(headers: tuple[str, ...], expected: set[str]) -> None:
    assert set(mapped(*headers, samples={"Email": ADDRESSES})) == expected


def test_of_two_address_columns_the_better_named_one_is_the_leads() -> None:
    assert mapped("Secondary Email", "Email", samples={"Secondary Email": ADDRESSES, "Email": ADDRESSES})["email"] == [
        "Email"
    ]


def test_a_column_full_of_addresses_is_the_email_column_whatever_its_name() -> None:
    assert mapped("Wer", "Wo", samples={"Wo": ADDRESSES})["email"] == ["Wo"]


def test_a_table_without_addresses_has_no_email_column() -> None:
    assert "email" not in mapped("Name", "City", samples={"Name": ["Ann", "Bo"], "City": ["Rome", "Bonn"]})


def test_what_is_not_known_becomes_an_attribute() -> None:
    mapping = map_columns(("Email", "Shoe size"), (ADDRESSES, ["42"]))

    assert mapping.unmapped == (1,)


def test_an_unnamed_column_of_countries_or_zones_is_found_by_content() -> None:
    samples = {"Email": ADDRESSES, "x": ["DE", "Germany", "FR"], "y": ["Europe/Berlin", "Asia/Tokyo", "Europe/Paris"]}

    assert mapped("Email", "x", "y", samples=samples) == {"email": ["Email"], "country": ["x"], "time_zone": ["y"]}
