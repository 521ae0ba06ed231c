"""Countries and legal bases as the pages call them."""

from __future__ import annotations

from collections.abc import Iterable

from leadmill.domain.countries import country_name
from leadmill.domain.country_rules import ANY_OTHER_COUNTRY, UNKNOWN_COUNTRY

LEGAL_BASES = {"consent": "Consent", "legitimate_interest": "Legitimate interest", "contract": "Contract"}


def name_of(code: str) -> str:
    """A country's name; nothing for none."""
    return country_name(code)


def of_rule(code: str) -> str:
    """The name of whom a rule is for."""
    return {UNKNOWN_COUNTRY: "Country unknown", ANY_OTHER_COUNTRY: "Any other country"}.get(code) or country_name(code)


def bases(keys: Iterable[str]) -> str:
    """Legal bases in a row, in words."""
    return ", ".join(sorted(LEGAL_BASES.get(key, key.replace("_", " ")) for key in keys))
