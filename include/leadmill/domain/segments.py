"""A segment: which leads a campaign is for. An empty filter means "any"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from leadmill.errors import InputInvalid

LEGAL_BASES = frozenset({"consent", "legitimate_interest", "contract"})
_COUNTRY_LETTERS = 2
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Segment:
    """Filters joined by "and"; the values within one filter by "or".

    Scores are probabilities from 0 to 1; a lead without a score counts as 0. Employee bounds leave out leads whose
    size is unknown. `text` is looked for in name, company, job title, city and e-mail domain. `include_lead_ids` are in
    whatever the filters say; an exclusion beats everything. `exclude_without`: leaves out leads that lack one of these
    template fields; `exclude_categories`: leads of these categories, "" for those without one.
    """

    countries: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    legal_bases: tuple[str, ...] = ()
    lead_file_ids: tuple[int, ...] = ()
    min_score: float | None = None
    max_score: float | None = None
    min_employees: int | None = None
    max_employees: int | None = None
    text: str = ""
    include_lead_ids: tuple[int, ...] = ()
    exclude_lead_ids: tuple[int, ...] = ()
    exclude_lead_file_ids: tuple[int, ...] = ()
    exclude_campaign_ids: tuple[int, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    exclude_without: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The filters that are set, as plain JSON values."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value not in ((), None, "")
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            InputInvalid: It names a filter that does not exist.
        """
        unknown = set(stored) - {f.name for f in fields(cls)}
        if unknown:
            raise InputInvalid(f"Unknown filter in the segment: {', '.join(sorted(unknown))}.")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in stored.items()}
        return cls(**values)

    def problems(self) -> list[str]:
        """What makes no sense, one sentence each; empty where it is fine."""
        found = [
            f"“{country}” is no country code; use two capital letters such as DE."
            for country in self.countries
            if len(country) != _COUNTRY_LETTERS or not country.isascii() or not country.isupper()
        ]
        if not LEGAL_BASES.issuperset(self.legal_bases):
            found.append(f"Legal bases are {', '.join(sorted(LEGAL_BASES))}.")
        if any(not 0 <= score <= 1 for score in (self.min_score, self.max_score) if score is not None):
            found.append("Scores lie between 0 and 1.")
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            found.append("The lowest score is above the highest.")
        if any(count < 0 for count in (self.min_employees, self.max_employees) if count is not None):
            found.append("A number of employees is not negative.")
        if (
            self.min_employees is not None
            and self.max_employees is not None
            and self.min_employees > self.max_employees
        ):
            found.append("The fewest employees are more than the most.")
        if len(self.text) > _TEXT_LIMIT:
            found.append(f"Search for at most {_TEXT_LIMIT} characters.")
        return found
