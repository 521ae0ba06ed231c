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
    lines = files(__package__).joinpath("countries.txt").read_text(encoding="utf-8").splitlines()
    table = [line.split(";") for line in lines if not line.startswith("#")]
    codes = {folded(name): names[0] for names in table for name in names[1:]}
    return codes | {names[0].casefold(): names[0] for names in table}


def country_code(text: str) -> str | None:
    """The alpha-2 code that a country's code or name stands for; None where it is none, or could be several.

    `Germany`, `DEU`, `Allemagne` and `de` are DE; `Korea` and `Congo` could be two and are none.
    """
    return country_codes().get(folded(text))
