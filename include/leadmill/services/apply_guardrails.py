"""Guardrails: what collected events say of mailboxes and domains becomes warnings, pauses and cool-downs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadmill.domain.access import SYSTEM
from leadmill.domain.guardrails import COOL_DOWN, Action, Finding, Health, Verdict, judge_domain, judge_mailbox
from leadmill.domain.mailboxes import SenderStatus
from leadmill.ports.alerts import Alerts
from leadmill.ports.mailboxes import MailboxHealth, SenderRegistry, StatusChange
from leadmill.services.hold_senders import cool_down_domain, mailbox_alert_key

_SENTENCES: Mapping[Finding, str] = {
    Finding.BOUNCE_RATE_HIGH: "{bounce_rate:.1%} of {sent:.0f} mails bounced (more than 3 % warns)",
    Finding.BOUNCE_RATE_TOO_HIGH: "{bounce_rate:.1%} of {sent:.0f} mails bounced (more than 5 % pauses)",
    Finding.COMPLAINT: "{complained:.0f} spam complaint(s) in {sent:.0f} mails; have the content reviewed",
    Finding.COMPLAINT_RATE_HIGH: "{complaint_rate:.2%} of {sent:.0f} mails drew complaints (more than 0.1 %)",
    Finding.SPAM_BLOCK: "{blocked:.0f} of {sent:.0f} mails were blocked as spam or for reputation",
}


@dataclass(frozen=True, slots=True)
class GuardrailOutcome:
    """How many mailboxes were paused, domains cooled down, and warnings given, now for the first time."""

    paused: int
    cooled_down: int
    warned: int


@dataclass(slots=True)
class _Guard:
    registry: SenderRegistry
    alerts: Alerts
    as_of: datetime
    counts: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))

    def mailbox(self, found: MailboxHealth, verdict: Verdict) -> None:
        sentence = _SENTENCES[verdict.finding].format(**verdict.evidence)
        if verdict.action is Action.PAUSE:
            change = StatusChange(SenderStatus.PAUSED, sentence, evidence=dict(verdict.evidence))
            if found.status is SenderStatus.PAUSED:
                return
            if not self.registry.change_mailbox(SYSTEM, found.mailbox_id, change, as_of=self.as_of):
                return
            self.counts[Action.PAUSE] += 1
            severity, key, outcome = "critical", mailbox_alert_key(found.mailbox_id), "paused"
        else:
            severity, key, outcome = "warning", f"mailbox_bounces:{found.mailbox_id}", "warned"
        is_new = self.alerts.raise_alert(
            kind=f"mailbox_{outcome}" if verdict.finding is not Finding.COMPLAINT else "content_review",
            severity="critical" if severity == "critical" else "warning",
            subject=self.registry.mailbox_address(found.mailbox_id),
            message=f"Mailbox {outcome}: {sentence}.",
            dedupe_key=key,
            as_of=self.as_of,
        )
        if outcome == "warned" and is_new:
            self.counts[Action.WARN] += 1

    def domain(self, name: str, verdict: Verdict) -> None:
        sentence = _SENTENCES[verdict.finding].format(**verdict.evidence)
        if verdict.action is Action.COOL_DOWN:
            until = self.as_of + COOL_DOWN
            if cool_down_domain(self.registry, self.alerts, name, reason=sentence, until=until, as_of=self.as_of):
                self.counts[Action.COOL_DOWN] += 1
            return
        is_new = self.alerts.raise_alert(
            kind="domain_complaints",
            severity="warning",
            subject=f"domain {name}",
            message=f"{name}: {sentence}.",
            dedupe_key=f"domain_complaints:{name}",
            as_of=self.as_of,
        )
        self.counts[Action.WARN] += is_new


def apply_guardrails(registry: SenderRegistry, alerts: Alerts, *, as_of: datetime) -> GuardrailOutcome:
    """Judge every mailbox and domain by its recent mails and act on it; running it again changes nothing."""
    guard = _Guard(registry, alerts, as_of)
    mailboxes = registry.health(as_of=as_of)
    for found in mailboxes:
        for verdict in judge_mailbox(found.health):
            guard.mailbox(found, verdict)
    active = {found.domain for found in mailboxes if found.domain_status is SenderStatus.ACTIVE}
    for name, health in _by_domain(mailboxes).items():
        for verdict in judge_domain(health):
            if name in active or verdict.action is not Action.COOL_DOWN:
                guard.domain(name, verdict)
    return GuardrailOutcome(
        paused=guard.counts[Action.PAUSE],
        cooled_down=guard.counts[Action.COOL_DOWN],
        warned=guard.counts[Action.WARN],
    )


def _by_domain(mailboxes: Iterable[MailboxHealth]) -> dict[str, Health]:
    together: dict[str, Health] = {}
    for found in mailboxes:
        known = together.get(found.domain, Health(0))
        together[found.domain] = Health(
            known.sent + found.health.sent,
            known.hard_bounced + found.health.hard_bounced,
            known.blocked + found.health.blocked,
            known.complained + found.health.complained,
        )
    return together
