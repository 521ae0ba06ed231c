"""Mailboxes, lanes and dispatch."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from leadmill.bootstrap.guarding import Guarding
from leadmill.bootstrap.journaling import Journaling

if TYPE_CHECKING:
    from leadmill.adapters.esp.opening import OpenEsps
    from leadmill.adapters.ledger.alerts import LedgerAlerts
    from leadmill.adapters.ledger.mailboxes import LedgerMailboxes
    from leadmill.adapters.ledger.recalls import LedgerRecalls
    from leadmill.adapters.ledger.replies import LedgerReplyCounts
    from leadmill.adapters.ledger.sends import LedgerSends
    from leadmill.adapters.ledger.threads import LedgerThreads
    from leadmill.adapters.ledger.weather import LedgerWeather
    from leadmill.domain.access import Actor
    from leadmill.domain.dkim import NewDkimKey
    from leadmill.ports.content import ContentCompiler
    from leadmill.ports.dispatch import AmbiguousSend, Settlement
    from leadmill.ports.mailboxes import MailboxState
    from leadmill.ports.recalls import Hands
    from leadmill.ports.replies import UnknownReply
    from leadmill.ports.threads import StrandedThreads
    from leadmill.ports.waiting import Constraint


class Sending(Guarding, Journaling):
    """Mailboxes, lanes and dispatch."""

    @cached_property
    def send_ledger(self) -> LedgerSends:
        """Claims and results."""
        from leadmill.adapters.ledger.sends import LedgerSends

        return LedgerSends(self.database, mails_a_week=self.settings.mails_per_person_week)

    @cached_property
    def weather_ledger(self) -> LedgerWeather:
        """Who is put off by its server."""
        from leadmill.adapters.ledger.weather import LedgerWeather

        return LedgerWeather(self.database)

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
    def _replies(self) -> LedgerReplyCounts:
        from leadmill.adapters.ledger.replies import LedgerReplyCounts

        return LedgerReplyCounts(self.database)

    @cached_property
    def _recalls(self) -> LedgerRecalls:
        from leadmill.adapters.ledger.recalls import LedgerRecalls

        return LedgerRecalls(self.database)

    @cached_property
    def _threads(self) -> LedgerThreads:
        from leadmill.adapters.ledger.threads import LedgerThreads

        return LedgerThreads(self.database)

    @cached_property
    def _alerts(self) -> LedgerAlerts:
        from leadmill.adapters.ledger.alerts import LedgerAlerts

        return LedgerAlerts(self.database)

    @cached_property
    def _compiler(self) -> ContentCompiler:
        from leadmill.adapters.content.attached import StoredAttachments
        from leadmill.adapters.content.compiler import JinjaContentCompiler

        return JinjaContentCompiler(
            edge_base_url=self.settings.edge_base_url,
            key=self.settings.secret,
            attachments=StoredAttachments(self.store),
        )

    def register_secrets(self, scheme: str, resolver: Callable[[str], str]) -> None:
        """Let `scheme:name` in a secret_ref be resolved by a function of the host's, such as Airflow's connections."""
        from leadmill.adapters.esp.secret_refs import register_resolver

        register_resolver(scheme, resolver)

    # --- dispatch

    def open_lanes(self, as_of: datetime) -> list[str]:
        """Sweep dead leases, end cool-downs, apply guardrails, move warm-ups on; returns the lanes with work.

        Suppressions, erasures and pauses of the last minute are written to the store before.

        Raises:
            NotTheSender, PartnerSends, LedgerBehindJournal: This copy of the installation may not send; see `take`.
        """
        from leadmill.services.open_lanes import SweepPorts, open_lanes

        self.sending_right().take(as_of=as_of)
        self.log_wishes(as_of)
        ports = SweepPorts(
            ledger=self.send_ledger,
            registry=self.sender_registry,
            alerts=self._alerts,
            holds=self.hold_ledger,
            warm_ups=self.warm_up_ledger,
            threads=self._threads,
            false_pauses_a_month=self.settings.false_pauses_per_month,
        )
        return open_lanes(ports, as_of=as_of)

    def open_lane_groups(self, as_of: datetime) -> list[list[str]]:
        """The same as `open_lanes`, in as many groups as there are tasks to send them."""
        from leadmill.domain.dispatch import lane_groups

        return lane_groups(self.open_lanes(as_of))

    def send_lane(
        self, lane: str, as_of: datetime, *, dry_run: bool = False, time_budget_seconds: float = 50.0
    ) -> dict[str, int]:
        """Claim and send in one lane until the time is up or nothing is due; returns counts by outcome."""
        return self.send_lanes([lane], as_of, dry_run=dry_run, time_budget_seconds=time_budget_seconds)[lane]

    def send_lanes(
        self, lanes: Sequence[str], as_of: datetime, *, dry_run: bool = False, time_budget_seconds: float = 50.0
    ) -> dict[str, dict[str, int]]:
        """Claim and send in several lanes at once; returns counts by lane and outcome."""
        from leadmill.adapters.event_loop import run
        from leadmill.services.lane_run import LanePorts
        from leadmill.services.react_to_failures import FailureReactions
        from leadmill.services.send_lane import send_lanes
        from leadmill.services.weather import WeatherPorts

        right = self.sending_right()
        if not dry_run:
            right.take(as_of=as_of)
            self.read_provider_limits(lanes, as_of)
        reactions = FailureReactions(self.send_ledger, self.sender_registry, self._alerts)
        work = send_lanes(
            lanes,
            LanePorts(
                self.send_ledger,
                self.esps,
                self._compiler,
                reactions,
                self._replies,
                self._recalls,
                WeatherPorts(self.weather_ledger, self._alerts),
                right,
            ),
            worker=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}",
            as_of=as_of,
            dry_run=dry_run,
            time_budget_seconds=time_budget_seconds,
        )
        return run(work)

    def read_provider_limits(self, lanes: Sequence[str], as_of: datetime) -> int:
        """Ask providers what they allow these lanes, where the answer is older than 10 minutes; returns how many said.

        A lane whose account the provider stopped is paused.
        """
        from leadmill.adapters.esp.limit_reader import ReadLimits
        from leadmill.adapters.ledger.provider_limits import LedgerProviderLimits
        from leadmill.services.read_provider_limits import LimitPorts, read_provider_limits

        ledger = LedgerProviderLimits(self.database)
        ports = LimitPorts(ReadLimits(self.esps.apis), ledger, self.sender_registry, self._alerts)
        return read_provider_limits(lanes, ports, as_of=as_of)

    def unknown_replies(self, *, limit: int = 100) -> list[UnknownReply]:
        """Replies that our table of codes does not know, the latest first."""
        return self._replies.unknown_replies(limit=limit)

    def recover_expired_leases(self, as_of: datetime) -> dict[str, int]:
        """Make sends of dead workers ambiguous and old doubts lost; returns the counts `ambiguous` and `lost`."""
        from leadmill.services.open_lanes import recover_expired_leases

        recovered = recover_expired_leases(self.send_ledger, self._alerts, as_of=as_of)
        return {"ambiguous": recovered.ambiguous, "lost": recovered.lost}

    def apply_guardrails(self, as_of: datetime) -> dict[str, int]:
        """Pause, cool down, warn and hold contents by what events say.

        Returns:
            The counts `paused` (mailboxes), `domains_paused`, `cooled_down`, `warned` and `campaigns_held`.
        """
        from leadmill.services.apply_guardrails import apply_guardrails

        outcome = apply_guardrails(
            self.sender_registry,
            self._alerts,
            self.hold_ledger,
            as_of=as_of,
            false_pauses_a_month=self.settings.false_pauses_per_month,
        )
        return asdict(outcome)

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

    def add_provider_account(  # noqa: PLR0913 - an account has so many settings; all but two have a default
        self,
        actor: Actor,
        *,
        name: str,
        provider: str,
        config: Mapping[str, object] | None = None,
        secret_ref: str = "",
        daily_limit: int | None = None,
        max_per_second: float | None = None,
        spread: str | None = None,
        as_of: datetime,
    ) -> int:
        """Add or update a lane; providers and their `config` are in docs/feature-matrix.md."""
        from leadmill.ports.mailboxes import AccountSetup
        from leadmill.services.set_up_senders import add_provider_account

        account = AccountSetup(name, provider, dict(config or {}), secret_ref, daily_limit, max_per_second, spread)
        return add_provider_account(self.sender_registry, self.esps, actor, account, as_of=as_of)

    def add_sending_domain(
        self,
        actor: Actor,
        *,
        name: str,
        sending_ips: Sequence[str] = (),
        daily_limit: int | None = None,
        dkim_keys: Sequence[Mapping[str, str]] | None = None,
        as_of: datetime,
    ) -> int:
        """Add or update a sending domain; returns its id. `dkim_keys`: selector and secret_ref; None keeps them."""
        from leadmill.domain.dkim import DkimKeyRef
        from leadmill.services.set_up_senders import add_sending_domain

        keys = None if dkim_keys is None else [DkimKeyRef(**key) for key in dkim_keys]
        return add_sending_domain(
            self.sender_registry,
            actor,
            name,
            sending_ips=sending_ips,
            daily_limit=daily_limit,
            dkim_keys=keys,
            as_of=as_of,
        )

    def new_dkim_keys(
        self, domain: str, *, kinds: Sequence[str] = ("rsa", "ed25519"), as_of: datetime
    ) -> list[NewDkimKey]:
        """Fresh DKIM keys for a domain with their DNS records; nothing is stored."""
        from leadmill.adapters.content.dkim_keys import new_key
        from leadmill.domain.dkim import default_selector
        from leadmill.services.set_up_senders import checked_domain

        domain = checked_domain(domain)
        return [new_key(domain, default_selector(kind, as_of=as_of), kind) for kind in kinds]

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
        warm_up_curve: str = "",
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
            warm_up_curve=warm_up_curve,
        )
        return add_mailbox(self.sender_registry, actor, mailbox, as_of=as_of)

    def mailboxes(self, as_of: datetime) -> list[MailboxState]:
        """Every mailbox: what it is, what it used today, what binds it."""
        return self.sender_registry.mailboxes(as_of=as_of)

    def pause_mailbox(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> bool:
        """Stop a mailbox within two seconds."""
        from leadmill.services.hold_senders import pause_mailbox

        return pause_mailbox(self.sender_registry, actor, mailbox_id, reason=reason, as_of=as_of)

    def lift_pause(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> bool:
        """Let a paused or cooling mailbox send again; evidence known now does not pause it again."""
        from leadmill.services.hold_senders import lift_pause

        return lift_pause(self.sender_registry, self._alerts, actor, mailbox_id, reason=reason, as_of=as_of)

    def pause_domain(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Stop every mailbox of a sending domain within two seconds."""
        from leadmill.services.hold_senders import pause_domain

        return pause_domain(self.sender_registry, actor, name, reason=reason, as_of=as_of)

    def lift_domain_pause(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Let a paused or cooling domain send again."""
        from leadmill.services.hold_senders import lift_domain_pause

        return lift_domain_pause(self.sender_registry, self._alerts, actor, name, reason=reason, as_of=as_of)

    def pause_account(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Stop a whole lane within two seconds."""
        from leadmill.services.hold_senders import pause_account

        return pause_account(self.sender_registry, actor, name, reason=reason, as_of=as_of)

    def lift_account_pause(self, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
        """Let a paused lane send again."""
        from leadmill.services.hold_senders import lift_account_pause

        return lift_account_pause(self.sender_registry, self._alerts, actor, name, reason=reason, as_of=as_of)

    # --- what is in hand, and threads whose mailbox is gone

    def words_on_mails_in_hand(self, hands: Hands, as_of: datetime) -> str:
        """A sentence, with a space before it, on the mails that workers hold of those; empty where there are none."""
        from leadmill.services.mails_in_hand import in_hand_words, mails_in_hand

        return in_hand_words(mails_in_hand(self._recalls, hands, as_of=as_of))

    def stranded_threads(self, as_of: datetime) -> list[StrandedThreads]:
        """Mailboxes that are paused, or serve another pool now, while follow-ups wait for them."""
        return self._threads.stranded(as_of=as_of)

    def hand_on_threads(
        self, actor: Actor, mailbox_id: int, *, to_mailbox_id: int | None = None, reason: str, as_of: datetime
    ) -> tuple[int, int]:
        """Let such threads go on from another mailbox, or evenly from their pool's; returns how many do and do not."""
        from leadmill.services.settle_threads import hand_on_threads

        to = {"to_mailbox_id": to_mailbox_id, "reason": reason, "as_of": as_of}
        return hand_on_threads(self._threads, self._alerts, actor, mailbox_id, **to)  # type: ignore[arg-type]

    def end_threads(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> int:
        """Cancel the follow-ups that wait for such a mailbox; returns how many threads end."""
        from leadmill.services.settle_threads import end_threads

        return end_threads(self._threads, self._alerts, actor, mailbox_id, reason=reason, as_of=as_of)

    def let_threads_wait(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> int:
        """Keep that they wait for it; returns how many threads do."""
        from leadmill.services.settle_threads import let_threads_wait

        return let_threads_wait(self._threads, self._alerts, actor, mailbox_id, reason=reason, as_of=as_of)

    def cool_down_domain(self, domain: str, *, reason: str, until: datetime, as_of: datetime) -> bool:
        """Take a sending domain out of rotation until a time, with an alert; returns whether anything changed."""
        from leadmill.services.hold_senders import cool_down_domain

        return cool_down_domain(self.sender_registry, self._alerts, domain, reason=reason, until=until, as_of=as_of)
