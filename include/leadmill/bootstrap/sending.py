"""Mailboxes, lanes and dispatch."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.adapters.esp.opening import OpenEsps
    from leadmill.adapters.ledger.alerts import LedgerAlerts
    from leadmill.adapters.ledger.mailboxes import LedgerMailboxes
    from leadmill.adapters.ledger.sends import LedgerSends
    from leadmill.domain.access import Actor
    from leadmill.ports.content import ContentCompiler
    from leadmill.ports.dispatch import AmbiguousSend, Settlement
    from leadmill.ports.mailboxes import MailboxState
    from leadmill.ports.waiting import Constraint


class Sending(Core):
    """Mailboxes, lanes and dispatch."""

    @cached_property
    def send_ledger(self) -> LedgerSends:
        """Claims and results."""
        from leadmill.adapters.ledger.sends import LedgerSends

        return LedgerSends(self.database)

    @cached_property
    def sender_registry(self) -> LedgerMailboxes:
        """Accounts, domains and mailboxes."""
        from leadmill.adapters.ledger.mailboxes import LedgerMailboxes

        return LedgerMailboxes(self.database)

    @cached_property
    def esps(self) -> OpenEsps:
        """Opens the provider of a mailbox."""
        from leadmill.adapters.content.mime import to_bytes
        from leadmill.adapters.esp.opening import OpenEsps

        return OpenEsps(to_bytes)

    @cached_property
    def _alerts(self) -> LedgerAlerts:
        from leadmill.adapters.ledger.alerts import LedgerAlerts

        return LedgerAlerts(self.database)

    @cached_property
    def _compiler(self) -> ContentCompiler:
        from leadmill.adapters.content.compiler import JinjaContentCompiler

        return JinjaContentCompiler(edge_base_url=self.settings.edge_base_url, key=self.settings.secret)

    def register_secrets(self, scheme: str, resolver: Callable[[str], str]) -> None:
        """Let `scheme:name` in a secret_ref be resolved by a function of the host's, such as Airflow's connections."""
        from leadmill.adapters.esp.secret_refs import register_resolver

        register_resolver(scheme, resolver)

    # --- dispatch

    def open_lanes(self, as_of: datetime) -> list[str]:
        """Sweep dead leases, end cool-downs, apply guardrails; returns the lanes that may have something to send."""
        from leadmill.services.open_lanes import open_lanes

        return open_lanes(self.send_ledger, self.sender_registry, self._alerts, as_of=as_of)

    def send_lane(
        self, lane: str, as_of: datetime, *, dry_run: bool = False, time_budget_seconds: float = 50.0
    ) -> dict[str, int]:
        """Claim and send in one lane until the time is up or nothing is due; returns counts by outcome."""
        from leadmill.services.react_to_failures import FailureReactions
        from leadmill.services.send_lane import LanePorts, send_lane

        reactions = FailureReactions(self.send_ledger, self.sender_registry, self._alerts)
        return send_lane(
            lane,
            LanePorts(self.send_ledger, self.esps, self._compiler, reactions),
            worker=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}",
            as_of=as_of,
            dry_run=dry_run,
            time_budget_seconds=time_budget_seconds,
        )

    def recover_expired_leases(self, as_of: datetime) -> dict[str, int]:
        """Make sends of dead workers ambiguous and old doubts lost; returns the counts `ambiguous` and `lost`."""
        from leadmill.services.open_lanes import recover_expired_leases

        recovered = recover_expired_leases(self.send_ledger, self._alerts, as_of=as_of)
        return {"ambiguous": recovered.ambiguous, "lost": recovered.lost}

    def apply_guardrails(self, as_of: datetime) -> dict[str, int]:
        """Pause, cool down and warn by what events say; returns the counts `paused`, `cooled_down`, `warned`."""
        from leadmill.services.apply_guardrails import apply_guardrails

        outcome = apply_guardrails(self.sender_registry, self._alerts, as_of=as_of)
        return {"paused": outcome.paused, "cooled_down": outcome.cooled_down, "warned": outcome.warned}

    def explain_waiting(self, campaign_id: int, as_of: datetime) -> list[Constraint]:
        """Why a campaign's sends wait: what binds, and when it relaxes."""
        from leadmill.adapters.ledger.waiting import LedgerWaiting
        from leadmill.services.explain_waiting import explain_waiting

        return explain_waiting(LedgerWaiting(self.database), self.sender_registry, campaign_id, as_of=as_of)

    def ambiguous_sends(self, *, limit: int = 500) -> list[AmbiguousSend]:
        """Sends that may or may not have gone out, oldest first."""
        return self.send_ledger.ambiguous_sends(limit=limit)

    def settle_ambiguous(
        self, actor: Actor, send_id: int, outcome: Settlement, *, reason: str, as_of: datetime
    ) -> None:
        """Decide an ambiguous send: `sent` or `lost`; needs the role analyst and a reason."""
        from leadmill.services.settle_ambiguous import settle_ambiguous

        settle_ambiguous(self.send_ledger, actor, send_id, outcome, reason=reason, as_of=as_of)

    # --- what sends: set-up (admin), pauses (analyst), releases (admin)

    def add_provider_account(
        self,
        actor: Actor,
        *,
        name: str,
        provider: str,
        config: Mapping[str, object] | None = None,
        secret_ref: str = "",
        daily_limit: int | None = None,
        max_per_second: float | None = None,
        as_of: datetime,
    ) -> int:
        """Add or update a lane: `provider` is smtp, ses or sendgrid; see docs/feature-matrix.md for `config`."""
        from leadmill.ports.mailboxes import AccountSetup
        from leadmill.services.set_up_senders import add_provider_account

        account = AccountSetup(name, provider, dict(config or {}), secret_ref, daily_limit, max_per_second)
        return add_provider_account(self.sender_registry, actor, account, as_of=as_of)

    def add_sending_domain(
        self,
        actor: Actor,
        *,
        name: str,
        sending_ips: Sequence[str] = (),
        daily_limit: int | None = None,
        as_of: datetime,
    ) -> int:
        """Add or update a sending domain; returns its id."""
        from leadmill.services.set_up_senders import add_sending_domain

        return add_sending_domain(
            self.sender_registry, actor, name, sending_ips=sending_ips, daily_limit=daily_limit, as_of=as_of
        )

    def add_mailbox(  # noqa: PLR0913 - a mailbox has so many settings; all but three have a default
        self,
        actor: Actor,
        *,
        address: str,
        account: str,
        pool: str,
        display_name: str = "",
        user_name: str = "",
        secret_ref: str = "",
        time_zone: str = "UTC",
        daily_limit: int = 40,
        hourly_limit: int | None = None,
        min_gap_seconds: int = 0,
        warm_up_started_on: date | None = None,
        as_of: datetime,
    ) -> int:
        """Add or update a mailbox on the sending domain of its address; account and pool go by name."""
        from leadmill.ports.mailboxes import MailboxSetup
        from leadmill.services.set_up_senders import add_mailbox

        mailbox = MailboxSetup(
            address=address,
            domain=address.partition("@")[2],
            account=account,
            pool=pool,
            display_name=display_name,
            user_name=user_name,
            secret_ref=secret_ref,
            time_zone=time_zone,
            daily_limit=daily_limit,
            hourly_limit=hourly_limit,
            min_gap_seconds=min_gap_seconds,
            warm_up_started_on=warm_up_started_on,
        )
        return add_mailbox(self.sender_registry, actor, mailbox, as_of=as_of)

    def mailboxes(self, as_of: datetime) -> list[MailboxState]:
        """Every mailbox: what it is, what it used today, what binds it."""
        return self.sender_registry.mailboxes(as_of=as_of)

    def pause_mailbox(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> bool:
        """Stop a mailbox within one claim."""
        from leadmill.services.hold_senders import pause_mailbox

        return pause_mailbox(self.sender_registry, actor, mailbox_id, reason=reason, as_of=as_of)

    def lift_pause(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> bool:
        """Let a paused or cooling mailbox send again; evidence known now does not pause it again."""
        from leadmill.services.hold_senders import lift_pause

        return lift_pause(self.sender_registry, self._alerts, actor, mailbox_id, reason=reason, as_of=as_of)

    def pause_domain(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Stop every mailbox of a sending domain within one claim."""
        from leadmill.services.hold_senders import pause_domain

        return pause_domain(self.sender_registry, actor, name, reason=reason, as_of=as_of)

    def lift_domain_pause(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Let a paused or cooling domain send again."""
        from leadmill.services.hold_senders import lift_domain_pause

        return lift_domain_pause(self.sender_registry, self._alerts, actor, name, reason=reason, as_of=as_of)

    def pause_account(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Stop a whole lane within one claim."""
        from leadmill.services.hold_senders import pause_account

        return pause_account(self.sender_registry, actor, name, reason=reason, as_of=as_of)

    def lift_account_pause(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Let a paused lane send again."""
        from leadmill.services.hold_senders import lift_account_pause

        return lift_account_pause(self.sender_registry, self._alerts, actor, name, reason=reason, as_of=as_of)

    def cool_down_domain(self, domain: str, *, reason: str, until: datetime, as_of: datetime) -> bool:
        """Take a sending domain out of rotation until a time, with an alert; returns whether anything changed."""
        from leadmill.services.hold_senders import cool_down_domain

        return cool_down_domain(self.sender_registry, self._alerts, domain, reason=reason, until=until, as_of=as_of)
