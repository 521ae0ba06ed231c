"""Pausing, cooling down and releasing what sends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from leadmill.domain import moments
from leadmill.domain.access import SYSTEM, Actor, Role, required_reason
from leadmill.domain.mailboxes import SenderStatus
from leadmill.ports.alerts import Alerts
from leadmill.ports.mailboxes import SenderRegistry, StatusChange


def _pause_of(reason: str) -> StatusChange:
    asked = "A pause or release needs a reason; the audit log keeps it."
    return StatusChange(SenderStatus.PAUSED, required_reason(reason, asked))


def _release_of(reason: str) -> StatusChange:
    return StatusChange(SenderStatus.ACTIVE, _pause_of(reason).reason)


def pause_mailbox(registry: SenderRegistry, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> bool:
    """Stop a mailbox, what is claimed within two seconds; returns whether it was sending.

    Raises:
        NotAllowed: The actor is no analyst.
        NotFound: No such mailbox.
        InputInvalid: No reason is given.
    """
    actor.require(Role.ANALYST, to="pause a mailbox")
    return registry.change_mailbox(actor, mailbox_id, _pause_of(reason), as_of=as_of)


def lift_pause(
    registry: SenderRegistry, alerts: Alerts, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime
) -> bool:
    """Let a paused or cooling mailbox send again.

    What a guardrail has paused it for will not pause it a second time; where a person or a provider had paused it, what
    became of its mails is judged as ever, and may pause it within a minute.

    Raises:
        NotAllowed: The actor is no admin.
        NotFound: No such mailbox.
        InputInvalid: No reason is given.
    """
    actor.require(Role.ADMIN, to="lift a mailbox's pause")
    lifted = registry.change_mailbox(actor, mailbox_id, _release_of(reason), as_of=as_of)
    alerts.resolve(mailbox_alert_key(mailbox_id), as_of=as_of)
    return lifted


def pause_domain(registry: SenderRegistry, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
    """Stop all mailboxes of a domain, what is claimed within two seconds; returns whether it was sending."""
    actor.require(Role.ANALYST, to="pause a sending domain")
    return registry.change_domain(actor, name, _pause_of(reason), as_of=as_of)


def lift_domain_pause(
    registry: SenderRegistry, alerts: Alerts, actor: Actor, name: str, *, reason: str, as_of: datetime
) -> bool:
    """Let a paused or cooling domain send again. Raises `NotAllowed`, `NotFound`, `InputInvalid`."""
    actor.require(Role.ADMIN, to="lift a domain's pause")
    lifted = registry.change_domain(actor, name, _release_of(reason), as_of=as_of)
    alerts.resolve(domain_alert_key(name), as_of=as_of)
    return lifted


def pause_account(registry: SenderRegistry, actor: Actor, name: str, *, reason: str, as_of: datetime) -> bool:
    """Stop a whole lane, what is claimed within two seconds; returns whether it was sending."""
    actor.require(Role.ANALYST, to="pause a provider account")
    return registry.change_account(actor, name, _pause_of(reason), as_of=as_of)


def lift_account_pause(
    registry: SenderRegistry, alerts: Alerts, actor: Actor, name: str, *, reason: str, as_of: datetime
) -> bool:
    """Let a paused lane send again. Raises `NotAllowed`, `NotFound`, `InputInvalid`."""
    actor.require(Role.ADMIN, to="lift an account's pause")
    lifted = registry.change_account(actor, name, _release_of(reason), as_of=as_of)
    alerts.resolve(account_alert_key(name), as_of=as_of)
    return lifted


def cool_down_domain(  # noqa: PLR0913 - a cool-down is described by all of these
    registry: SenderRegistry,
    alerts: Alerts,
    name: str,
    *,
    reason: str,
    until: datetime,
    as_of: datetime,
    cause: str = "",
    finding: str = "",
    evidence: Mapping[str, object] = MappingProxyType({}),
) -> bool:
    """Take a domain out of rotation until a time; a person's pause stays, a longer cool-down stays.

    On return its mailboxes are on probation. `cause`, `finding` and `evidence` are kept with it for people.

    Returns:
        Whether anything changed.

    Raises:
        NotFound: No such sending domain.
    """
    change = StatusChange(
        SenderStatus.COOLING_DOWN, reason, until=until, evidence=evidence, cause=cause, finding=finding
    )
    changed = registry.change_domain(SYSTEM, name, change, as_of=as_of)
    if changed:
        alerts.raise_alert(
            kind="domain_cooling_down",
            severity="critical",
            subject=f"domain {name}",
            message=f"{name} left rotation until {moments.in_words(until)}: {reason}.",
            dedupe_key=domain_alert_key(name),
            as_of=as_of,
        )
    return changed


def end_cool_downs(registry: SenderRegistry, alerts: Alerts, *, as_of: datetime) -> None:
    """Let what has cooled down for long enough send again, and close what people were told of it."""
    for ended in registry.end_cool_downs(as_of=as_of):
        number = ended.mailbox_id
        key = domain_alert_key(ended.domain) if number is None else mailbox_alert_key(number)
        alerts.resolve(key, as_of=as_of)


def mailbox_alert_key(mailbox_id: int) -> str:
    """One open alert a stopped mailbox."""
    return f"mailbox_stopped:{mailbox_id}"


def domain_alert_key(name: str) -> str:
    """One open alert a stopped domain."""
    return f"domain_stopped:{name}"


def account_alert_key(name: str) -> str:
    """One open alert a stopped lane."""
    return f"account_stopped:{name}"
