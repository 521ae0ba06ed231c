"""Show the countries' rules, and let an admin decide otherwise for a reason."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from leadmill.domain.access import Actor, Role, optional_reason, required_reason
from leadmill.domain.country_rules import ANY_OTHER_COUNTRY, UNKNOWN_COUNTRY, rule_of
from leadmill.domain.segments import LEGAL_BASES
from leadmill.errors import InputInvalid
from leadmill.ports.country_rules import CountryPolicy, CountryRuleLedger

_LETTERS = 2


def country_policies(ledger: CountryRuleLedger) -> list[CountryPolicy]:
    """Every country that has a rule of its own, then the two for unknown and for all others."""
    policies = [CountryPolicy(rule_of(stored.country), stored) for stored in ledger.rules()]
    return sorted(policies, key=lambda p: (p.stored.country in {UNKNOWN_COUNTRY, ANY_OTHER_COUNTRY}, p.stored.country))


def override_country_rule(
    actor: Actor,
    country: str,
    legal_bases: Collection[str],
    *,
    reason: str,
    ledger: CountryRuleLedger,
    as_of: datetime,
) -> int:
    """Decide for a country otherwise than its rule; returns how many planned sends that withdrew.

    Args:
        actor: An admin.
        country: Two capital letters; "" for leads of unknown country, ZZ for every country not listed.
        legal_bases: What may be mailed from now on.
        reason: For the audit log.
        ledger: Where the rules are.
        as_of: Now, aware UTC.

    Raises:
        InputInvalid: No such legal basis or country code, or no reason.
    """
    actor.require(Role.ADMIN, to="override a country's rule")
    if country and not (len(country) == _LETTERS and country.isascii() and country.isalpha() and country.isupper()):
        raise InputInvalid(f"“{country}” is no country code; use two capital letters such as DE.")
    if not legal_bases or not LEGAL_BASES.issuperset(legal_bases):
        raise InputInvalid(f"Choose one or more of {', '.join(sorted(LEGAL_BASES))}.")
    why = required_reason(reason, "Give the reason, for example who has confirmed it; the audit log keeps it.")
    return ledger.override(actor, country, sorted(legal_bases), reason=why, as_of=as_of)


def restore_country_rule(actor: Actor, country: str, *, reason: str, ledger: CountryRuleLedger, as_of: datetime) -> int:
    """Let a country's own rule hold again; returns how many planned sends that withdrew."""
    actor.require(Role.ADMIN, to="restore a country's rule")
    return ledger.override(actor, country, None, reason=optional_reason(reason), as_of=as_of)
