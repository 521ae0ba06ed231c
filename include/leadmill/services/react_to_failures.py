"""What dispatch does at once when a provider speaks of the sender, not of one mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from leadmill.domain.access import SYSTEM
from leadmill.domain.dispatch import AUTHENTICATION_MARK, is_spam_block
from leadmill.domain.guardrails import COOL_DOWN
from leadmill.domain.mailboxes import SenderStatus
from leadmill.domain.messages import Fault, Receipt, ReceiptStatus
from leadmill.errors import (
    ConfigInvalid,
    CredentialsRejected,
    LeadmillError,
    SenderRefused,
    SenderSuspended,
    TemplateInvalid,
)
from leadmill.ports.alerts import Alerts
from leadmill.ports.content import Sender
from leadmill.ports.dispatch import ClaimedSend, SendLedger
from leadmill.ports.esp import Channel, without_channel_name
from leadmill.ports.mailboxes import SenderRegistry, StatusChange
from leadmill.services.hold_senders import account_alert_key, cool_down_domain, domain_alert_key, mailbox_alert_key

TEMPLATE_BROKE = "its mails cannot be written"
"""How the reason of a campaign that a template has stopped begins."""

_AUTHENTICATION = re.compile(
    r"\b[45]\.7\.(2[0-79]|3[0-2]|509|515)\b|MailFromDomainNotVerifiedException"
    rf"|\b{AUTHENTICATION_MARK}$"
)
"""Codes that say the sending domain's SPF, DKIM, DMARC, PTR or TLS is wrong: every mailbox of it is concerned.

Source: RFC 7372 (x.7.20 to 25), Google's sender guidelines (x.7.26 to 32 but 28, which is about rate), Microsoft.
"""


@dataclass(frozen=True, slots=True)
class FailureReactions:
    """Holds back, pauses and alerts; each reaction may come twice without harm."""

    ledger: SendLedger
    registry: SenderRegistry
    alerts: Alerts

    def stopped(self, lane: str, channel: Channel, error: LeadmillError, *, now: datetime) -> bool:
        """Stop a channel whose failure a person has to mend; returns whether it was one."""
        own = channel.provider == "smtp"  # an API speaks of the whole account
        if isinstance(error, SenderRefused):
            # Else the receipts of the mails that were refused stop the whole domain.
            if not (is_spam_block(error.code) or _AUTHENTICATION.search(error.code)):
                self._pause_mailbox(channel.mailbox_id, without_channel_name(str(error)), now)
        elif isinstance(error, CredentialsRejected | ConfigInvalid) and own:
            self._pause_mailbox(channel.mailbox_id, without_channel_name(str(error)), now)
        elif isinstance(error, CredentialsRejected | ConfigInvalid | SenderSuspended):
            self._pause_account(lane, without_channel_name(str(error)), now)
        else:
            return False
        return True

    def template_failed(self, campaign_id: int, error: TemplateInvalid, *, now: datetime) -> None:
        """A template works for nobody: its campaign waits for a person, and keeps its leads."""
        if not self.ledger.stop_campaign(campaign_id, reason=f"{TEMPLATE_BROKE}: {error}", as_of=now):
            return
        self.alerts.raise_alert(
            kind="template_broke",
            severity="critical",
            subject=f"campaign “{self.ledger.campaign_name(campaign_id)}”",
            message=f"It was paused, since its mails cannot be written: {error} Nobody was left out: what was about to "
            "go out is planned again. See its content; copy the campaign, mend the copy, and leave out whom this one "
            "mailed. Where what it lacked is there now, press Resume on its page.",
            dedupe_key=f"template_broke:{campaign_id}",
            as_of=now,
        )

    def refused(self, receipt: Receipt, send: ClaimedSend, sender: Sender, *, now: datetime) -> None:
        """A refusal that blames the sender stops it; one that blames the content asks for a review."""
        if receipt.status is not ReceiptStatus.REFUSED:
            return
        if receipt.fault is Fault.MESSAGE:
            self.alerts.raise_alert(
                kind="content_refused",
                severity="warning",
                subject=f"campaign “{self.ledger.campaign_name(send.campaign_id)}”",
                message=f"A mail was refused for its content ({receipt.code}); review what the campaign says.",
                dedupe_key=f"content_refused:{send.campaign_id}",
                as_of=now,
            )
        elif receipt.fault is Fault.SENDER and is_spam_block(receipt.code):
            reason = f"spam block: {self._answer(receipt, send)}"
            cool_down_domain(self.registry, self.alerts, sender.domain, reason=reason, until=now + COOL_DOWN, as_of=now)
        elif receipt.fault is Fault.SENDER and _AUTHENTICATION.search(receipt.code):
            self._pause_domain(sender.domain, f"authentication refused: {self._answer(receipt, send)}", now)
        elif receipt.fault is Fault.SENDER:
            self._pause_mailbox(send.mailbox_id, f"sender refused: {self._answer(receipt, send)}", now)

    def _answer(self, receipt: Receipt, send: ClaimedSend) -> str:
        return f"{receipt.code}, answered to a mail of “{self.ledger.campaign_name(send.campaign_id)}”"

    def _pause_mailbox(self, mailbox_id: int, reason: str, now: datetime) -> None:
        if self.registry.change_mailbox(SYSTEM, mailbox_id, StatusChange(SenderStatus.PAUSED, reason), as_of=now):
            address = self.registry.mailbox_address(mailbox_id)
            self._alert("mailbox_paused", address, reason, mailbox_alert_key(mailbox_id), now)

    def _pause_domain(self, name: str, reason: str, now: datetime) -> None:
        if self.registry.change_domain(SYSTEM, name, StatusChange(SenderStatus.PAUSED, reason), as_of=now):
            self._alert("domain_paused", f"domain {name}", reason, domain_alert_key(name), now)

    def _pause_account(self, lane: str, reason: str, now: datetime) -> None:
        if self.registry.change_account(SYSTEM, lane, StatusChange(SenderStatus.PAUSED, reason), as_of=now):
            self._alert("account_paused", f"provider account {lane}", reason, account_alert_key(lane), now)

    def _alert(self, kind: str, subject: str, reason: str, key: str, now: datetime) -> None:
        self.alerts.raise_alert(
            kind=kind,
            severity="critical",
            subject=subject,
            message=f"{subject} was paused: {reason}".rstrip(".") + ".",
            dedupe_key=key,
            as_of=now,
        )
