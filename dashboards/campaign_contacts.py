"""People of a draft with whom another campaign has something: who is left out, how many that are, and who they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.access import Role
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.contact_rules import DAYS_APART, DAYS_APART_LIMIT, ContactRules
from leadmill.domain.quantities import counted
from leadmill.ports.audience import AudiencePreview

CAMPAIGNS_TOLD = 3


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of contact: its name in the ledger, its verb for one lead and for several, and its list's name."""

    name: str
    one: str
    many: str


KINDS = (
    _Kind("replied", "lead answered", "leads answered"),
    _Kind("in_sequence", "lead has mails to come of", "leads have mails to come of"),
    _Kind("mailed_recently", "lead was mailed lately by", "leads were mailed lately by"),
)


def edit(draft: CampaignDraft) -> CampaignDraft:
    """Switches for whom to leave out; returns the draft as it is now."""
    st.markdown("**Who is in contact with another campaign**")
    rules = draft.contacts
    replied = st.toggle("Leave out who ever answered one", value=rules.leave_out_replied, key=key("skip_replied"))
    running = st.toggle(
        "Leave out who is in the running sequence of one",
        value=rules.leave_out_in_sequence,
        key=key("skip_in_sequence"),
        help="Mails of a running or paused campaign are still to come to them.",
    )
    days = _edit_days(rules)
    return replace(
        draft, contacts=replace(rules, leave_out_replied=replied, leave_out_in_sequence=running, days_apart=days)
    )


def _edit_days(rules: ContactRules) -> int | None:
    usual = page.leadmill().settings.days_between_campaigns
    days = usual if rules.days_apart is None else rules.days_apart
    keeps = st.toggle(
        "Leave out who was mailed lately",
        value=days > 0,
        key=key("skip_mailed"),
        help="Looked at again before every mail: whom another campaign mails meanwhile waits until the days are over.",
    )
    if not keeps:
        return 0
    chosen = int(
        st.number_input(
            "Days between two campaigns", 1, DAYS_APART_LIMIT, days or usual or DAYS_APART, key=key("days_apart")
        )
    )
    return None if rules.days_apart is None and chosen == usual else chosen


def edit_ending(draft: CampaignDraft) -> CampaignDraft:
    """What an answer to another campaign does to this one's sequence; returns the draft as it is now."""
    ends = st.toggle(
        "An answer to another campaign ends this sequence for that person, too",
        value=draft.contacts.ends_on_other_reply,
        key=key("ends_on_other_reply"),
        help="Automatic replies, such as out-of-office notes, do not count.",
    )
    return replace(draft, contacts=replace(draft.contacts, ends_on_other_reply=ends))


def show_counts(draft: CampaignDraft, counts: AudiencePreview) -> None:
    """How many people each kind of contact concerns, whether it leaves them out, and a list of them."""
    if not counts.contacts:
        return
    bounds = page.leadmill().contact_bounds(draft.contacts, page.now())
    leaves_out = {
        "replied": bounds.skips_replied,
        "in_sequence": bounds.skips_in_sequence,
        "mailed_recently": bounds.skips_mailed,
    }
    st.markdown("**In contact with another campaign**")
    for kind in KINDS:
        if count := counts.in_contact(kind.name):
            _show_kind(draft, counts, kind, count, is_left_out=leaves_out[kind.name])


def _show_kind(draft: CampaignDraft, counts: AudiencePreview, kind: _Kind, count: int, *, is_left_out: bool) -> None:
    of_kind = [each for each in counts.contacts if each.kind == kind.name]
    names = ", ".join(f"“{page.plain(each.campaign_name)}” ({each.lead_count:,})" for each in of_kind[:CAMPAIGNS_TOLD])
    more = f" and {len(of_kind) - CAMPAIGNS_TOLD} more" if len(of_kind) > CAMPAIGNS_TOLD else ""
    what = "left out" if is_left_out else ":orange[mailed all the same]"
    st.markdown(f"**{counted(count, kind.one, kind.many)}** {names}{more}: {what}.")
    if page.actor().role is Role.VIEWER:
        return
    actor, app = page.actor(), page.leadmill()  # read now: the file is made when somebody asks for it
    st.download_button(
        "Download the list",
        data=lambda: app.contacts_file(actor, draft, kind.name, page.now()),
        file_name=f"leads-{kind.name.replace('_', '-')}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"contacts_list_{kind.name}",
    )
