"""Country names and codes, as lead files spell them, to ISO 3166-1 alpha-2."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files


def folded(text: str) -> str:
    """The letters and digits of a text, without case, accents, spaces and punctuation; for comparing names."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


@cache
def country_codes() -> dict[str, str]:
    """Every folded code and name that stands for exactly one country, with that country's alpha-2 code.

    Source: ISO 3166-1; names of Unicode CLDR in ten languages, aliases of our own (`countries.txt`).
    """
    table = _table()
    codes = {folded(name): names[0] for names in table for name in names[1:]}
    return codes | {names[0].casefold(): names[0] for names in table}


@cache
def _table() -> list[list[str]]:
    lines = files(__package__).joinpath("countries.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(";") for line in lines if not line.startswith("#")]


@cache
def _names() -> dict[str, str]:
    return {names[0]: names[2] for names in _table()}


def country_name(code: str) -> str:
    """The English name of an alpha-2 code; the code itself where it is no country's."""
    return _names().get(code, code)


def country_code(text: str) -> str | None:
    """The alpha-2 code that a country's code or name stands for; None where it is none, or could be several.

    `Germany`, `DEU`, `Allemagne` and `de` are DE; `Korea` and `Congo` could be two and are none.
    """
    return country_codes().get(folded(text))
