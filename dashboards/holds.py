"""What is stopped and on what evidence, with a way to let it go on; and contents that somebody has to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import charts
import page
import senders
import stranded_threads
import streamlit as st

from leadmill.domain.access import REASON_LIMIT, Role
from leadmill.domain.mailboxes import Binding
from leadmill.domain.quantities import counted
from leadmill.ports.holds import ContentReview, Hold

CAUSES = {
    "person": "a person",
    "evidence": "a guardrail, by what became of the mails",
    "provider": "the provider's or a receiving server's answer",
    "blacklist": "a blacklist",
}
KINDS = {"mailbox": "Mailbox", "domain": "Sending domain", "account": "Provider account"}
STOPPED = frozenset(
    {
        Binding.MAILBOX_PAUSED,
        Binding.MAILBOX_COOLING_DOWN,
        Binding.DOMAIN_PAUSED,
        Binding.DOMAIN_COOLING_DOWN,
        Binding.ACCOUNT_PAUSED,
    }
)
NUMBERS: Mapping[str, tuple[str, str]] = {
    "sent": ("Mails in the window", "{:,.0f}"),
    "window_days": ("Window, in days", "{:.0f}"),
    "hard_bounced": ("Hard bounces", "{:,.0f}"),
    "bounce_rate": ("Bounce rate", "{:.1%}"),
    "pauses_above": ("Pauses above", "{:.0%}"),
    "minimum_sample": ("From so many mails on", "{:,.0f}"),
    "complained": ("Complaints", "{:,.0f}"),
    "complaint_rate": ("Complaint rate", "{:.2%}"),
    "blocked": ("Blocked as spam", "{:,.0f}"),
    "cools_down_from": ("Cools down from", "{:.0%}"),
    "minimum_blocked": ("And so many blocked", "{:,.0f}"),
    "test_sent": ("Mails in the test", "{:,.0f}"),
    "test_bounced": ("Bounces in the test", "{:,.0f}"),
    "test_value": ("Test value", "{:,.0f}"),
    "test_threshold": ("The test pauses from", "{:,.0f}"),
    "mailboxes": ("Mailboxes of the domain", "{:.0f}"),
    "stopped": ("Paused for their mails", "{:.0f}"),
}
TEST_WORDS = (
    "The test compares how well these days fit a mailbox with 8 % bounces and one with 2 %, for every day on which the "
    "change may have happened. Its threshold is the number of mails that the pool sends for each false pause allowed, "
    "so that healthy mailboxes are paused no more often than the budget says."
)


def show() -> None:
    """Contents to be read, everything that is stopped, and what was stopped in the last month."""
    at = page.now()
    reviews = page.leadmill().content_reviews()
    found = page.leadmill().holds(at)
    now_held = [hold for hold in found if hold.ended_at is None]
    if not (reviews or now_held):
        st.success("Nothing is stopped.", icon=":material/check_circle:")
    for review in reviews:
        _show_review(review)
    for hold in now_held:
        _show_hold(hold, [review for review in reviews if hold.subject in review.mailboxes])
    stranded_threads.show()
    over = [hold for hold in found if hold.ended_at is not None]
    with st.expander(f"Ended within the last 30 days ({len(over)})", icon=":material/history:"):
        if over:
            st.dataframe([_line(hold) for hold in over], hide_index=True, width="stretch", key="ended_holds")
        else:
            charts.explain_absence("Nothing else was stopped in the last 30 days.")


def _show_hold(hold: Hold, reviews: list[ContentReview]) -> None:
    with st.container(border=True, key=f"hold_{hold.hold_id}"):
        stands = "is cooling down" if hold.status == "cooling_down" else "is paused"
        until = f" until {senders.moment(hold.until)}" if hold.until else ""
        st.markdown(
            f"**{KINDS[hold.subject_kind]} {page.plain(hold.subject)}** {stands}{until}: {page.plain(hold.reason)}."
        )
        by = f", by {hold.began_by}" if hold.cause == "person" and hold.began_by else ""
        st.caption(f"Stopped by {CAUSES[hold.cause]}{by} · since {senders.moment(hold.began_at)}")
        _show_evidence(hold)
        if hold.finding == "complaint":
            _show_contents(reviews)
        if page.actor().role is Role.ADMIN:
            said = f"Let this {hold.subject_kind} send again"
            _reason_form(f"lift_{hold.hold_id}", said, lambda why: _lift(hold, why))
        elif page.actor().role is not Role.VIEWER:
            st.caption("Only an admin can release it.")


def _show_evidence(hold: Hold) -> None:
    known = [
        (label, shape.format(value))
        for name, (label, shape) in NUMBERS.items()
        if isinstance(value := hold.evidence.get(name), int | float)
    ]
    if not known:
        return
    st.markdown(" · ".join(f"{label}: **{value}**" for label, value in known))
    if "test_value" in hold.evidence:
        st.caption(TEST_WORDS)


def _show_contents(reviews: list[ContentReview]) -> None:
    """The contents that drew the complaints."""
    links = ", ".join(
        f"[{page.plain(each.campaign)}](/campaigns?campaign={each.campaign_id}&show=content)" for each in reviews
    )
    st.markdown(f":material/mail: Read what it sent: {links}" if links else "Its content was read and found in order.")


def _lift(hold: Hold, why: str) -> None:
    app, actor, at = page.leadmill(), page.actor(), page.now()
    if hold.subject_kind == "mailbox":
        app.lift_pause(actor, hold.subject_id, reason=why, as_of=at)
    elif hold.subject_kind == "domain":
        app.lift_domain_pause(actor, hold.subject, reason=why, as_of=at)
    else:
        app.lift_account_pause(actor, hold.subject, reason=why, as_of=at)
    low = hold.cause == "evidence" or hold.status == "cooling_down"
    after = " It is on probation at a quarter of its limit first." if low else ""
    page.say_later(f"{KINDS[hold.subject_kind]} {hold.subject} {_now(hold, at)}.{after}")


def _now(hold: Hold, at: datetime) -> str:
    """Whether what was just released sends again, or what else stops it or its mailboxes."""
    key = hold.subject_id
    concerned = [
        state
        for state in page.leadmill().mailboxes(at)
        if key
        == {
            "mailbox": state.mailbox.mailbox_id,
            "domain": state.mailbox.domain_id,
            "account": state.mailbox.account_id,
        }[hold.subject_kind]
    ]
    still = [senders.BINDINGS[state.capacity.binding] for state in concerned if state.capacity.binding in STOPPED]
    if not still:
        return "sends again"
    if hold.subject_kind == "mailbox":
        return f"is released, but sends nothing yet: {still[0]}, too"
    whose = "its only mailbox" if len(concerned) == 1 else f"{len(still)} of its {len(concerned)} mailboxes"
    return f"is released, but {whose} cannot send yet: {', '.join(sorted(set(still)))}"


def _show_review(review: ContentReview) -> None:
    with st.container(border=True, key=f"review_{review.review_id}"):
        held = "is held until somebody has read its content" if review.is_held else "should have its content read"
        st.markdown(
            f"**Campaign [{page.plain(review.campaign)}](/campaigns?campaign={review.campaign_id})** {held}: "
            f"{counted(review.complaints, 'spam complaint')} in {review.mails:,} mails."
        )
        st.markdown(f":material/mail: [Read its content](/campaigns?campaign={review.campaign_id}&show=content)")
        st.caption(f"Sent by {', '.join(review.mailboxes)} · since {senders.moment(review.opened_at)}")
        if page.actor().role is not Role.VIEWER:
            said = "The content is in order; go on" if review.is_held else "The content is in order"
            _reason_form(f"confirm_{review.campaign_id}", said, lambda why: _confirm(review, why))


def _confirm(review: ContentReview, why: str) -> None:
    resumed = page.leadmill().confirm_content(page.actor(), review.campaign_id, reason=why, as_of=page.now())
    page.say_later(f"The review of {review.campaign} is closed.{' It runs again.' if resumed else ''}")


def _reason_form(key: str, said: str, act: Callable[[str], None]) -> None:
    with st.form(key, border=False):
        why, button = st.columns([3, 2], vertical_alignment="bottom")
        reason = why.text_input("Reason", help="The audit log keeps it.", key=f"{key}_reason", max_chars=REASON_LIMIT)
        if button.form_submit_button(said, width="stretch"):
            with page.attempt():
                act(reason)
                st.rerun()


def _line(hold: Hold) -> dict[str, object]:
    return {
        "What": f"{KINDS[hold.subject_kind]} {hold.subject}",
        "Stopped by": CAUSES[hold.cause],
        "Why": hold.reason,
        "From": _short(hold.began_at),
        "To": _short(hold.ended_at),
        "Ended by": hold.ended_by,
        "With the reason": hold.end_reason,
    }


def _short(at: datetime | None) -> str:
    return senders.moment(at) if at else ""
