"""Limits of recipient domains, and what a plan will take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.adapters.ledger.recipient_limits import LedgerRecipientFamilies
    from leadmill.domain.access import Actor
    from leadmill.domain.recipient_domains import RecipientFamily
    from leadmill.domain.simulation import Simulation
    from leadmill.ports.simulation import PlanOptions


class Limiting(Core):
    """Limits of recipient domains, and what a plan will take."""

    @cached_property
    def _recipient_families(self) -> LedgerRecipientFamilies:
        from leadmill.adapters.ledger.recipient_limits import LedgerRecipientFamilies

        return LedgerRecipientFamilies(self.database)

    def recipient_limits(self) -> list[RecipientFamily]:
        """Families of recipient domains and the mails an hour that each sending domain may send them."""
        return self._recipient_families.families()

    def set_recipient_limit(
        self,
        actor: Actor,
        family: str,
        as_of: datetime,
        *,
        hourly_limit: int | None,
        domains: Sequence[str] | None = None,
    ) -> RecipientFamily:
        """Add or change a family of recipient domains; `domains` None keeps those it has. Needs the role admin."""
        from leadmill.services.limit_recipients import limit_recipients

        return limit_recipients(
            self._recipient_families, actor, family, domains=domains, hourly_limit=hourly_limit, as_of=as_of
        )

    def remove_recipient_limit(self, actor: Actor, family: str, as_of: datetime) -> None:
        """Forget a family of recipient domains, so that nothing limits them. Needs the role admin."""
        from leadmill.services.limit_recipients import stop_limiting_recipients

        stop_limiting_recipients(self._recipient_families, actor, family, as_of=as_of)

    def simulate(self, options: PlanOptions, as_of: datetime) -> Simulation:
        """Play a plan many times under the production's rules: finish date, volume a day and pauses, with intervals."""
        from leadmill.adapters.ledger.mailboxes import LedgerMailboxes
        from leadmill.adapters.ledger.simulation import LedgerSimulationHistory
        from leadmill.services.simulate_plan import simulate_plan

        if not (options.pool or options.campaign_id):  # needs no database
            return simulate_plan(options, registry=None, history=None, as_of=as_of)
        registry, history = LedgerMailboxes(self.database), LedgerSimulationHistory(self.database)
        return simulate_plan(options, registry=registry, history=history, as_of=as_of)

    def write_simulation_plot(self, simulation: Simulation, path: Path) -> None:
        """Write a simulation's plot as an HTML page that needs no network."""
        from leadmill.adapters.simulation_plot import write_plot

        write_plot(simulation, path)
