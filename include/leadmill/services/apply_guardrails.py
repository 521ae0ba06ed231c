"""Guardrails: what collected events say of mailboxes, domains and contents becomes warnings, pauses and cool-downs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadmill.domain.access import SYSTEM
from leadmill.domain.guardrails import (
    COOL_DOWN,
    DAYS_OF_MONTH,
    FALSE_PAUSES_A_MONTH,
    Action,
    Finding,
    Health,
    Verdict,
    half_are_stopped,
    judge_domain,
    judge_mailbox,
    pause_threshold,
)
from leadmill.domain.mailboxes import SenderStatus
from leadmill.domain.quantities import counted
from leadmill.ports.alerts import CheckAlerts
from leadmill.ports.holds import Cause, HoldLedger
from leadmill.ports.mailboxes import MailboxHealth, SenderRegistry, StatusChange
from leadmill.services.hold_senders import cool_down_domain, domain_alert_key, mailbox_alert_key
from leadmill.services.review_content import ask_for_reviews

_SENTENCES: Mapping[Finding, str] = {
    Finding.BOUNCE_RATE_HIGH: "{bounce_rate:.1%} of {sent:.0f} mails bounced (more than 3 % warns)",
    Finding.BOUNCE_RATE_TOO_HIGH: "{bounce_rate:.1%} of {sent:.0f} mails bounced (more than 5 % pauses)",
    Finding.BOUNCES_BEYOND_CHANCE: "{test_bounced:.0f} of {test_sent:.0f} mails bounced, more than chance explains for "
    "a list with 2 % (test value {test_value:,.0f}, pauses from {test_threshold:,.0f})",
    Finding.COMPLAINT: "{complaints} in {sent:.0f} mails; have the content reviewed",
    Finding.COMPLAINT_RATE_HIGH: "{complaint_rate:.2%} of {sent:.0f} mails drew complaints (more than 0.1 %)",
    Finding.SPAM_BLOCK: "{blocked:.0f} of {sent:.0f} mails were blocked as spam or for reputation",
    Finding.HALF_STOPPED: "{stopped:.0f} of its {mailboxes:.0f} mailboxes are paused for what became of their mails",
}


def _sentence(verdict: Verdict) -> str:
    """What was found, for people."""
    complaints = counted(round(verdict.evidence.get("complained", 0)), "spam complaint")
    return _SENTENCES[verdict.finding].format(**verdict.evidence, complaints=complaints)


_MAILBOX_WARNED, _DOMAIN_COMPLAINTS = "mailbox_warned", "domain_complaints"


@dataclass(frozen=True, slots=True)
class GuardrailOutcome:
    """How many mailboxes and domains were paused, domains cooled down, warnings given and campaigns held, just now."""

    paused: int
    domains_paused: int
    cooled_down: int
    warned: int
    campaigns_held: int


@dataclass(slots=True)
class _Guard:
    registry: SenderRegistry
    alerts: CheckAlerts
    as_of: datetime
    counts: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))
    stopped: set[int] = field(default_factory=set)
    warned: dict[str, list[str]] = field(default_factory=lambda: {_MAILBOX_WARNED: [], _DOMAIN_COMPLAINTS: []})
    domains_paused: int = 0

    def mailbox(self, found: MailboxHealth, verdict: Verdict) -> None:
        sentence = _sentence(verdict)
        pauses = verdict.action is Action.PAUSE
        if pauses and not self._pause(found, verdict, sentence):
            return
        outcome, key = "paused", mailbox_alert_key(found.mailbox_id)
        if not pauses:
            outcome, key = "warned", f"mailbox_bounces:{found.mailbox_id}"
            self.warned[_MAILBOX_WARNED].append(key)
        is_new = self.alerts.raise_alert(
            kind=f"mailbox_{outcome}" if verdict.finding is not Finding.COMPLAINT else "content_review",
            severity="critical" if pauses else "warning",
            subject=self.registry.mailbox_address(found.mailbox_id),
            message=f"Mailbox {outcome}: {sentence}.",
            dedupe_key=key,
            as_of=self.as_of,
        )
        self.counts[verdict.action] += pauses or is_new

    def _pause(self, found: MailboxHealth, verdict: Verdict, sentence: str) -> bool:
        if found.status is SenderStatus.PAUSED or found.mailbox_id in self.stopped:
            return False
        self.stopped.add(found.mailbox_id)  # by us, or by another sweep just now
        change = _stop(SenderStatus.PAUSED, verdict, sentence)
        return self.registry.change_mailbox(SYSTEM, found.mailbox_id, change, as_of=self.as_of)

    def domain(self, name: str, verdict: Verdict) -> None:
        sentence = _sentence(verdict)
        if verdict.action is Action.COOL_DOWN:
            self.counts[Action.COOL_DOWN] += cool_down_domain(
                self.registry,
                self.alerts,
                name,
                reason=sentence,
                until=self.as_of + COOL_DOWN,
                as_of=self.as_of,
                cause=Cause.EVIDENCE.value,
                finding=verdict.finding.value,
                evidence=verdict.evidence,
            )
            return
        self.warned[_DOMAIN_COMPLAINTS].append(f"domain_complaints:{name}")
        is_new = self.alerts.raise_alert(
            kind=_DOMAIN_COMPLAINTS,
            severity="warning",
            subject=f"domain {name}",
            message=f"{name}: {sentence}.",
            dedupe_key=f"domain_complaints:{name}",
            as_of=self.as_of,
        )
        self.counts[Action.WARN] += is_new

    def take_back(self) -> None:
        """Close the warnings that hold no more: their mails have left the window, or are outweighed."""
        for kind, keys in self.warned.items():
            self.alerts.resolve_others(kind, keys, as_of=self.as_of)

    def half_of_domain(self, name: str, mailboxes: list[MailboxHealth]) -> None:
        """Pause a domain with half of its mailboxes; those that a person paused say nothing of it.

        Once a person has released the domain, only a further mailbox pauses it again.
        """
        if not any(m.is_stopped_lately for m in mailboxes):
            return
        stopped = sum(m.is_stopped_by_evidence for m in mailboxes)
        if not half_are_stopped(len(mailboxes), stopped):
            return
        evidence = {"mailboxes": len(mailboxes), "stopped": stopped}
        verdict = Verdict(Finding.HALF_STOPPED, Action.PAUSE, evidence)
        sentence = _SENTENCES[verdict.finding].format(**evidence)
        if self.registry.change_domain(SYSTEM, name, _stop(SenderStatus.PAUSED, verdict, sentence), as_of=self.as_of):
            self.domains_paused += 1
            self.alerts.raise_alert(
                kind="domain_paused",
                severity="critical",
                subject=f"domain {name}",
                message=f"{name} was paused: {sentence}.",
                dedupe_key=domain_alert_key(name),
                as_of=self.as_of,
            )


def _stop(status: SenderStatus, verdict: Verdict, sentence: str) -> StatusChange:
    return StatusChange(
        status,
        sentence,
        evidence=dict(verdict.evidence),
        cause=Cause.EVIDENCE.value,
        finding=verdict.finding.value,
    )


def apply_guardrails(
    registry: SenderRegistry,
    alerts: CheckAlerts,
    holds: HoldLedger,
    *,
    as_of: datetime,
    false_pauses_a_month: float = FALSE_PAUSES_A_MONTH,
) -> GuardrailOutcome:
    """Judge every mailbox, domain and content by its recent mails and act on it; running it again changes nothing."""
    guard = _Guard(registry, alerts, as_of)
    mailboxes = registry.health(as_of=as_of)
    thresholds = _thresholds(mailboxes, false_pauses_a_month)
    for found in mailboxes:
        for verdict in judge_mailbox(found.health, days=found.days, threshold=thresholds[found.pool_id]):
            guard.mailbox(found, verdict)
    if guard.stopped:  # with what another sweep has stopped meanwhile: each sees all when the last of them looks
        mailboxes = registry.health(as_of=as_of)
    by_domain: dict[str, list[MailboxHealth]] = {}
    for found in mailboxes:
        by_domain.setdefault(found.domain, []).append(found)
    for name, members in by_domain.items():
        is_active = members[0].domain_status is SenderStatus.ACTIVE
        for verdict in judge_domain(sum((m.health for m in members), start=Health(0))):
            if is_active or verdict.action is not Action.COOL_DOWN:
                guard.domain(name, verdict)
        if is_active:
            guard.half_of_domain(name, members)
    guard.take_back()
    held = ask_for_reviews(holds, alerts, as_of=as_of)
    return GuardrailOutcome(
        paused=guard.counts[Action.PAUSE],
        domains_paused=guard.domains_paused,
        cooled_down=guard.counts[Action.COOL_DOWN],
        warned=guard.counts[Action.WARN],
        campaigns_held=held,
    )


def _thresholds(mailboxes: Iterable[MailboxHealth], false_pauses_a_month: float) -> dict[int, float]:
    """Where the sequential test pauses in each pool, by what the pool may send in a month."""
    daily: dict[int, int] = {}
    for found in mailboxes:
        daily[found.pool_id] = daily.get(found.pool_id, 0) + found.daily_limit
    return {
        pool_id: pause_threshold(mails * DAYS_OF_MONTH, false_pauses_a_month=false_pauses_a_month)
        for pool_id, mails in daily.items()
    }
