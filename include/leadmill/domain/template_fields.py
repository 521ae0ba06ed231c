"""Names of a lead's fields as a template writes them."""

from __future__ import annotations

import re
from functools import lru_cache

_OUTSIDE = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1024)
def variable_name(column: str) -> str:
    """The template's name of a lead file's column: "Favourite Colour" is `favourite_colour`.

    `ledger.template_fields` in SQL does the same.
    """
    return _OUTSIDE.sub("_", column.lower()).strip("_")
