"""Pre-flight: whom other campaigns have mailed, are mailing, or heard from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.contact_rules import WEEK
from leadmill.domain.quantities import counted
from leadmill.ports.audience import AudiencePreview, ContactCount
from leadmill.ports.campaigns import Check

CAMPAIGNS_TOLD = 3


def check_contacts(
    draft: CampaignDraft, preview: AudiencePreview, *, usual_days_apart: int, mails_a_week: int, as_of: datetime
) -> Iterator[Check]:
    """What other campaigns have with this one's people, and whether its own sequence fits into the week's cap.

    Args:
        draft: What is checked.
        preview: Its audience.
        usual_days_apart: Days between two campaigns where the draft says nothing, of the installation.
        mails_a_week: Mails that a person gets in seven days; 0: no cap.
        as_of: Now, aware UTC.
    """
    bounds = draft.contacts.bounds(usual_days_apart=usual_days_apart, as_of=as_of)
    days = counted((as_of - bounds.mailed_since).days, "day") if bounds.mailed_since else "days"
    left_out: list[str] = []
    mailed: list[str] = []
    for kind, one, many, is_left_out in (
        ("replied", "lead answered", "leads answered", bounds.skips_replied),
        ("in_sequence", "lead is in a running sequence", "leads are in a running sequence", bounds.skips_in_sequence),
        (
            "mailed_recently",
            f"lead was mailed in the last {days}",
            f"leads were mailed in the last {days}",
            bounds.skips_mailed,
        ),
    ):
        if count := preview.in_contact(kind):
            said = f"{counted(count, one, many)} ({_campaigns([c for c in preview.contacts if c.kind == kind])})"
            (left_out if is_left_out else mailed).append(said)
    yield _contacts_check(left_out, mailed)
    yield from _week_check(draft, mails_a_week)


def _contacts_check(left_out: list[str], mailed: list[str]) -> Check:
    sentences = []
    if left_out:
        sentences.append(f"Left out: {'; '.join(left_out)}.")
    if mailed:
        sentences.append(f"Mailed all the same: {'; '.join(mailed)}.")
        advice = "Leave them out on Audience, unless this mail is meant for them."
        return Check("contacts", "warning", " ".join(sentences), advice)
    return Check("contacts", "ok", " ".join(sentences) or "No other campaign has anything with these leads.")


def _campaigns(counts: list[ContactCount]) -> str:
    """The campaigns behind a count, the one with most leads first: "“Spring” 900, “Autumn” 56 and 2 more"."""
    told = [f"“{c.campaign_name}” {c.lead_count:,}" for c in counts[:CAMPAIGNS_TOLD]]
    more = f" and {len(counts) - CAMPAIGNS_TOLD} more" if len(counts) > CAMPAIGNS_TOLD else ""
    return ", ".join(told) + more


def _week_check(draft: CampaignDraft, mails_a_week: int) -> Iterator[Check]:
    """A sequence that is denser than the cap is sent, but later than its author wrote."""
    days = [0]
    for step in draft.steps[1:]:
        days.append(days[-1] + step.delay_days)
    densest = max((sum(first <= day < first + WEEK.days for day in days) for first in days), default=0)
    if mails_a_week and draft.steps and densest > mails_a_week:
        message = (
            f"{densest} mails of this sequence fall within 7 days, and a person gets at most {mails_a_week} a week: "
            "the others wait."
        )
        yield Check("week", "warning", message, "Wait longer between the steps, or ask your admin for another cap.")
