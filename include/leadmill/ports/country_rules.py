"""The countries' rules as the ledger keeps them, with what admins decided instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.country_rules import CountryRule


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A country's rule. `override_legal_bases`: an admin's decision in its place; None where the rule holds."""

    country: str
    accepts_legal_bases: tuple[str, ...]
    needs: str
    version: str
    override_legal_bases: tuple[str, ...] | None
    override_reason: str
    overridden_by: str
    overridden_at: datetime | None


@dataclass(frozen=True, slots=True)
class CountryPolicy:
    """What holds for a country: its rule with words and source, and an admin's decision where there is one."""

    rule: CountryRule
    stored: StoredRule

    @property
    def accepts(self) -> tuple[str, ...]:
        """The legal bases that may be mailed now."""
        if self.stored.override_legal_bases is not None:
            return self.stored.override_legal_bases
        return self.stored.accepts_legal_bases


class CountryRuleLedger(Protocol):
    """The rules in the ledger; each change writes the audit log in its own transaction."""

    def rules(self) -> list[StoredRule]:
        """Every rule, by country; "" is for leads of unknown country, ZZ for those of any country not listed."""
        ...

    def override(
        self, actor: Actor, country: str, legal_bases: Sequence[str] | None, *, reason: str, as_of: datetime
    ) -> int:
        """Put a decision in a rule's place (None takes it back); returns how many planned sends that withdrew."""
        ...
