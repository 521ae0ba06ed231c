"""What the receivers of mail are called on the pages; the ledger knows them by a short key."""

from __future__ import annotations

NAMES = {
    "apple": "Apple iCloud",
    "gmail": "Gmail",
    "gmx": "GMX",
    "mailru": "Mail.ru",
    "microsoft": "Microsoft (Outlook, Hotmail)",
    "proton": "Proton Mail",
    "yahoo": "Yahoo and AOL",
}


def name_of(family: str) -> str:
    """A receiver's name; one that an admin added by the key it was given."""
    return NAMES.get(family, family)
