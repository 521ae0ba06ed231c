"""The row rules' patterns and limits as parameters of `sql/lake/lead_files.sql`: the domain's lists in RE2's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from leadmill.domain.lead_columns import ColumnMapping, Field
from leadmill.domain.lead_files import ImportDefaults
from leadmill.domain.lead_rules import (
    ATTRIBUTE_LENGTH_MAX,
    EMAIL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    ROLE_LOCAL_PARTS,
    SPECIAL_USE_DOMAINS,
    TEXT_LENGTH_MAX,
)

# Dot-atom of RFC 5322 in lower case and ASCII, up to 64 characters between dots; providers take no other form
# (SES: the local part must be 7-bit; no quoted local parts).
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_LOCAL = rf"{_ATOM}(?:\.{_ATOM})*"
# RFC 1035 labels; a top-level domain has letters only, or is an internationalised one.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,57}}[a-z0-9])"
# C0 but for tab and line ends, DEL, and the marks that reverse the writing direction (used to disguise text).
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{202a}-\x{202e}\x{2066}-\x{2069}]"
# UTF-8 read as Latin-1 or Windows-1252: a lead byte shown as a letter, then a continuation byte shown as C1 control or
# symbol; the replacement character; and a lone C1 control. Ã and Â are never followed by these in any language; after
# Ä, Å, Ð and Ñ quotes and dashes are left out, since „BÄ“ is German.
_MOJIBAKE = (
    r"[ÃÂ][\x{80}-\x{bf}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|[ÄÅÐÑ][\x{80}-\x{bf}€‚ƒ„†‡ˆ‰‹•˜™›]|â€|ï¿½|\x{fffd}|[\x{80}-\x{9f}]"  # noqa: RUF001 - these are the characters to find
)
# Source: OWASP, CSV Injection. A leading + or - alone is a harmless bullet; with a call or a pipe behind it, it is not.
_FORMULA = r"(?m)^=|^[+@-][^\n ]*[(|!]"
_UNREAD_ROLE = r"no[-_.]?reply[^@]*|do[-_.]?not[-_.]?reply[^@]*"

_DATES = ("%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def date_formats(*, day_first: bool) -> list[str]:
    """Formats of times beside ISO 8601, which DuckDB reads itself; slashes as the file's own dates show them."""
    slashes = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    return [date + time for date in (slashes, *_DATES) for time in _TIMES]


def rule_parameters(
    mapping: ColumnMapping,
    defaults: ImportDefaults,
    *,
    allow_special_use: bool,
    day_first: bool,
    as_of: datetime,
) -> dict[str, Any]:
    """The parameters of the statement `make_judged`."""
    return {
        "as_of": as_of,
        "default_source": defaults.source,
        "default_legal_basis": defaults.legal_basis,
        "default_country": defaults.country or None,
        "has_legal_basis": mapping.has(Field.LEGAL_BASIS),
        "has_consent_at": mapping.has(Field.CONSENT_AT),
        "date_formats": date_formats(day_first=day_first),
        "allow_special_use": allow_special_use,
        "address_pattern": f"{_LOCAL}@{_DOMAIN}",
        "local_pattern": _LOCAL,
        "special_use_pattern": rf"[@.](?:{_either(SPECIAL_USE_DOMAINS)})$",
        "role_pattern": rf"^(?:{_UNREAD_ROLE}|{_either(ROLE_LOCAL_PARTS)})(?:\+[^@]*)?@",
        "control_pattern": _CONTROL,
        "mojibake_pattern": _MOJIBAKE,
        "formula_pattern": _FORMULA,
        "email_length_max": EMAIL_LENGTH_MAX,
        "name_length_max": NAME_LENGTH_MAX,
        "text_length_max": TEXT_LENGTH_MAX,
        "attribute_length_max": ATTRIBUTE_LENGTH_MAX,
    }


def _either(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, words))
