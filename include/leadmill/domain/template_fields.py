"""Names of a lead's fields as a template writes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from leadmill.domain.lead_columns import field_rank

PROVIDED_VARIABLES = frozenset({"email", "organisation", "postal_address", "sender_name", "unsubscribe_url"})
"""What every template may read besides the lead's own fields."""

LEAD_COLUMNS = (
    *("first_name", "last_name", "company", "job_title", "industry", "category", "employee_count", "phone", "website"),
    *("country", "region", "city"),
)
"""The lead's own fields; all others are further columns of its file."""

FALLBACKS_LIMIT = 50
FALLBACK_LENGTH_LIMIT = 300

_ALIKE = 0.7
"""Share of like letters (difflib's ratio) from which two names are taken for one with a slip of the pen."""

_EMPTY = (None, "")
_OUTSIDE = re.compile(r"[^a-z0-9]+")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_OUTPUT = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)?.*?\}\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AskedFields:
    """What templates read of leads: `names`, and those of them by whose values conditions decide (`deciding`)."""

    names: frozenset[str] = frozenset()
    deciding: frozenset[str] = frozenset()


@lru_cache(maxsize=1024)
def variable_name(column: str) -> str:
    """The template's name of a lead file's column: "Favourite Colour" is `favourite_colour`."""
    return _OUTSIDE.sub("_", column.lower()).strip("_")


def template_fields(columns: Mapping[str, object]) -> dict[str, object]:
    """A lead's columns as a template reads them: by their variables' names, without empty ones.

    `ledger.template_fields` in SQL does the same.
    """
    named = {variable_name(name): value for name, value in columns.items()}
    return {name: value for name, value in named.items() if name and value not in _EMPTY}


def nearest_field(name: str, known: Collection[str]) -> str | None:
    """What somebody who wrote `name` meant: `first_name` for `vorname` or `frist_name`; None where nothing is near.

    Args:
        name: A variable that no lead has.
        known: The further columns of lead files, as templates write them.
    """
    ranked = field_rank(name.replace("_", " "))
    if ranked and ranked[0].value in LEAD_COLUMNS:
        return ranked[0].value
    near = get_close_matches(name, [*LEAD_COLUMNS, *sorted(PROVIDED_VARIABLES), *sorted(known)], n=1, cutoff=_ALIKE)
    return near[0] if near and near[0] != name else None


def in_plain_words(template: str) -> str:
    """A template's text for people, each field by its name: `{{ company | title }}: hello` is `[company]: hello`."""
    named = _OUTPUT.sub(lambda found: f"[{(found[1] or 'text').replace('_', ' ')}]", template)
    return " ".join(_TAG.sub("", named).split())


def fallback_problems(fallbacks: Sequence[tuple[str, str]]) -> list[str]:
    """What makes a campaign's fallbacks impossible to keep, one sentence each."""
    found = []
    names = [name for name, _ in fallbacks]
    for name, text in fallbacks:
        if not _VARIABLE.fullmatch(name):
            found.append(f"{name!r} is no variable's name; write it as in the template, such as first_name.")
        elif name in PROVIDED_VARIABLES:
            found.append(f"{name} is in every mail and needs no fallback.")
        if not text.strip() or len(text) > FALLBACK_LENGTH_LIMIT:
            found.append(f"The fallback of {name} has 1 to {FALLBACK_LENGTH_LIMIT} characters.")
    if len(set(names)) < len(names):
        found.append("A variable has one fallback.")
    if len(names) > FALLBACKS_LIMIT:
        found.append(f"At most {FALLBACKS_LIMIT} fallbacks.")
    return found
