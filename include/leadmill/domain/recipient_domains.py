"""Families of recipient domains: what one receiver runs, under whichever names, so that it can be mailed at a pace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from leadmill.errors import InputInvalid

_FAMILY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class RecipientFamily:
    """Recipient domains with one limit: mails an hour that each sending domain may send them; None is no limit."""

    family: str
    domains: tuple[str, ...]
    hourly_limit: int | None


def checked_family(family: str, domains: Iterable[str], hourly_limit: int | None) -> RecipientFamily:
    """The family as it is stored: names in lower case, each domain once.

    Raises:
        InputInvalid: A name that is none, or a limit below 0.
    """
    name = family.strip().lower()
    if not _FAMILY.fullmatch(name):
        raise InputInvalid(
            f"{family!r} is no name for a group of recipient domains; use letters, digits, '-', '_', '.': gmail."
        )
    known = sorted({domain.strip().lower().removeprefix("@").rstrip(".") for domain in domains} - {""})
    wrong = [domain for domain in known if not _DOMAIN.fullmatch(domain)]
    if wrong:
        raise InputInvalid(f"{wrong[0]!r} is no domain name; write it in ASCII, such as gmail.com.")
    if hourly_limit is not None and hourly_limit < 0:
        raise InputInvalid("An hourly limit cannot be negative; leave it empty for no limit.")
    return RecipientFamily(name, tuple(known), hourly_limit)
