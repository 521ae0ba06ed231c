"""The words that lead files use for legal basis, opting out, time zone and company size, and what they mean here."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

from leadmill.domain.countries import folded


class LegalBasis(StrEnum):
    """On what ground a lead may be mailed. Source: GDPR (EU) 2016/679, article 6(1)(a), (b) and (f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


REFUSED = "refused"
"""The file says that the person did not consent."""
OPTED_OUT = "opted_out"
"""The file says that the person took consent back."""

_CONSENT = (
    "consent, consented, opt in, opted in, optin, double opt in, doi, single opt in, soi, confirmed, confirmed opt in, "
    "confirmed optin, subscribed, yes, y, true, 1, x, granted, given, explicit, explicit consent, express, "
    "express consent, freely given consent from contact, ja, oui, si, sim, tak, einwilligung, consentement, "
    "consentimiento, consenso, consentimento, toestemming, zgoda, article 6 1 a, art 6 1 a"
)
_LEGITIMATE_INTEREST = (
    "legitimate interest, legitimate interests, li, b2b, legitimate interest prospect lead, "
    "legitimate interest existing customer, legitimate interest other, berechtigtes interesse, interet legitime, "
    "interes legitimo, interesse legittimo, legittimo interesse, interesse legitimo, gerechtvaardigd belang, "
    "uzasadniony interes, article 6 1 f, art 6 1 f"
)
_CONTRACT = (
    "contract, performance of a contract, customer, existing customer, vertrag, contrat, contrato, contratto, "
    "overeenkomst, umowa, article 6 1 b, art 6 1 b"
)
_REFUSED = (
    "no, n, false, 0, none, not given, not granted, denied, declined, refused, no consent, nein, non, nie, nee, nao"
)
_OPTED_OUT = (
    "opt out, opted out, optout, unsubscribed, unsubscribe, withdrawn, revoked, removed, objected, do not contact, "
    "do not email, do not mail, cleaned, bounced, hard bounced, hard bounce, complained, complaint, spam, "
    "spam complaint, blacklisted, blocked, blocklisted, suppressed, archived, abgemeldet, widerrufen, desabonne, "
    "desinscrit, dado de baja, baja, disiscritto, cancellato, descadastrado, uitgeschreven, wypisany"
)
_NOT_OPTED_OUT = frozenset({"", "0", "n", "no", "false", "f", "none", "null", "never", "nein", "non", "nee", "nao"})

_NUMBER = r"\d{1,3}(?:[,. \u00a0']\d{3})+|\d+"
_COUNT = re.compile(rf"({_NUMBER})(?:\.0+)?\s*(?:\+|(?:-|–|to)\s*(?:{_NUMBER}))?(?:\s*employees)?", re.IGNORECASE)  # noqa: RUF001 - files write ranges with a dash too
EMPLOYEES_MAX = 10_000_000
"""No employer on earth is larger; a greater number is a slip of the column."""


def _words(text: str, meaning: str) -> dict[str, str]:
    return {folded(word): meaning for word in text.split(",")}


_BASIS_WORDS = (
    _words(_OPTED_OUT, OPTED_OUT)
    | _words(_REFUSED, REFUSED)
    | _words(_CONTRACT, LegalBasis.CONTRACT.value)
    | _words(_LEGITIMATE_INTEREST, LegalBasis.LEGITIMATE_INTEREST.value)
    | _words(_CONSENT, LegalBasis.CONSENT.value)
)
_STATUS_WORDS = frozenset(_words(_OPTED_OUT, OPTED_OUT))


def legal_basis(text: str) -> str | None:
    """A `LegalBasis`, `REFUSED` or `OPTED_OUT` for a file's word; None for one we do not know.

    An unknown word is never read as consent: the row is rejected and a person decides.
    """
    if text.strip().endswith("?"):  # "Y?" is a doubt, not a consent
        return None
    return _BASIS_WORDS.get(folded(text))


def known_basis(text: str) -> bool:
    """Whether a word names a legal basis outright; yes, no, 1 and 0 could be about anything."""
    return legal_basis(text) is not None and len(folded(text)) > len("granted")


def status_opts_out(text: str) -> bool:
    """Whether a subscription status says that this address must not be mailed; unknown words say nothing."""
    return folded(text) in _STATUS_WORDS


def flag_opts_out(text: str) -> bool:
    """Whether a cell of an opt-out column says so: anything but a plain no, since a time or a reason is a yes."""
    return folded(text) not in _NOT_OPTED_OUT


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones() if not name.startswith(("posix/", "right/"))}


def time_zone_name(text: str) -> str | None:
    """The IANA name of a zone whatever its case and blanks (`europe/berlin`, `America/New York`); None for no zone."""
    return _zones().get(text.strip().replace(" ", "_").casefold())


def employee_count(text: str) -> int | None:
    """The number of employees, or the lower end of a range (`11-50`, `10,000+`); None for no such number."""
    found = _COUNT.fullmatch(text.strip())
    if found is None:
        return None
    count = int(re.sub(r"\D", "", found[1]))
    return count if count <= EMPLOYEES_MAX else None
