"""Content reviews: a campaign that somebody complained about is read by a person, and held while it is doubtful."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role, required_reason
from leadmill.domain.guardrails import content_is_doubtful
from leadmill.ports.alerts import Alerts
from leadmill.ports.holds import HoldLedger


def ask_for_reviews(holds: HoldLedger, alerts: Alerts, *, as_of: datetime) -> int:
    """Open a review of each campaign with new complaints, and hold those whose rate is no accident.

    Returns:
        How many campaigns were held just now.
    """
    held = 0
    for found in holds.complained():
        mails = holds.mails_of(found.campaign_id)
        noun = "spam complaint" if found.complaints == 1 else "spam complaints"
        said = f"{found.complaints} {noun} in {mails:,} mails"
        reason = said if content_is_doubtful(found.complaints, mails) else ""
        is_held = holds.open_review(found, mails=mails, hold_reason=reason, as_of=as_of)
        held += is_held
        stands = "nothing more of it goes out until somebody has read it" if is_held else "have its content read"
        alerts.raise_alert(
            kind="content_review",
            severity="critical" if is_held else "warning",
            subject=f"campaign “{found.campaign_name}”",
            message=f"{said}; {stands} (Deliverability, Stopped).",
            dedupe_key=review_alert_key(found.campaign_id),
            as_of=as_of,
        )
    return held


def confirm_content(
    holds: HoldLedger, alerts: Alerts, actor: Actor, campaign_id: int, *, reason: str, as_of: datetime
) -> bool:
    """Write that a person has read a campaign's content and lets it go on; returns whether it was held and runs again.

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason is given.
        NotFound: No review of this campaign is open.
    """
    actor.require(Role.ANALYST, to="confirm a campaign's content")
    found = required_reason(reason, "Say what you found when you read the content; the audit log keeps it.")
    resumed = holds.close_review(actor, campaign_id, reason=found, as_of=as_of)
    alerts.resolve(review_alert_key(campaign_id), as_of=as_of)
    return resumed


def review_alert_key(campaign_id: int) -> str:
    """One open alert a review."""
    return f"content_review:{campaign_id}"
