"""What an admin types into the set-up: how long it may be, and what a web address is."""

from __future__ import annotations

from urllib.parse import urlsplit

from leadmill.errors import InputInvalid

NAME_LIMIT = 100
"""Characters of a name: of a pool, an account, an organisation, a sender."""
ADDRESS_LIMIT = 500
"""Characters of a postal or web address."""


def require_short(what: str, text: str, most: int = NAME_LIMIT) -> None:
    """Pass where a text is no longer than it may be.

    Args:
        what: What it is, as it begins a sentence.
        text: As it was typed.
        most: Characters that it may have.

    Raises:
        InputInvalid: It is longer.
    """
    if len(text) > most:
        raise InputInvalid(f"{what} has {len(text):,} characters; shorten it to {most}.")


def require_web_address(what: str, text: str) -> None:
    """Pass where a text is empty or an address that a browser opens from a mail.

    Raises:
        InputInvalid: It is none, or longer than 500 characters.
    """
    require_short(what, text, ADDRESS_LIMIT)
    try:
        found = urlsplit(text)
        is_good = not text or (found.scheme in {"http", "https"} and bool(found.hostname) and text.isprintable())
    except ValueError:
        is_good = False
    if not is_good or " " in text:
        raise InputInvalid(f"{what} is no web address; write it in full, such as https://www.example.com.")
