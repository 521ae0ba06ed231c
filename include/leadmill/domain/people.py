"""How a person is named who is to be suppressed or erased, and what may stand as the reason."""

from __future__ import annotations

import re

from leadmill.domain.access import required_reason
from leadmill.domain.identity import normalise_email
from leadmill.errors import InputInvalid

_NOT_BARE = r"@\s<>()\[\],;:\"\\"
_ADDRESS = re.compile(rf"[^{_NOT_BARE}]+@[^{_NOT_BARE}]+\.[^{_NOT_BARE}.]+")
"""A bare address: what is typed around one (`<…>`, `mailto:`, a comma) would make it another that no lead has."""


def require_address(email: str) -> str:
    """The normalised address.

    Raises:
        InputInvalid: It is no e-mail address.
    """
    address = normalise_email(email)
    if not _ADDRESS.fullmatch(address) or not address.isprintable():
        raise InputInvalid("That is no e-mail address; it should look like name@company.com, with nothing around it.")
    return address


def require_reason(reason: str) -> str:
    """The trimmed reason, which the audit log keeps.

    Raises:
        InputInvalid: There is none, it is too long, or it names an address: the log outlives an erasure.
    """
    return _said("reason", reason, "Say why; the audit log keeps the reason.")


def require_proof(proof: str) -> str:
    """The trimmed proof that somebody wants to be mailed again, which the audit log keeps.

    Raises:
        InputInvalid: There is none, it is too long, or it names an address.
    """
    return _said("proof", proof, "Say how you know that they want it, such as the form they filled in and the day.")


def _said(name: str, text: str, ask: str) -> str:
    said = required_reason(text, ask, name=name)
    if "@" in said:
        raise InputInvalid(f"Leave the address out of the {name}: the audit log keeps it also after an erasure.")
    return said
