"""Mailboxes with their use, age and health, open alerts, and pausing what sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import charts
import page
import streamlit as st

from leadmill.domain import moments
from leadmill.domain.access import REASON_LIMIT, Role
from leadmill.domain.guardrails import BOUNCE_MINIMUM_SAMPLE, WINDOW_DAYS, Health
from leadmill.domain.mailboxes import Binding, is_warming_up
from leadmill.ports.alerts import Alert
from leadmill.ports.mailboxes import MailboxHealth, MailboxState

LIMITS, FATE, SETUP = "What it may send", "What became of its mails", "How it is set up"
PROVIDERS = {
    "smtp": "Gmail or any SMTP server",
    "ses": "Amazon SES",
    "sendgrid": "SendGrid",
    "mailgun": "Mailgun",
    "postmark": "Postmark",
}
ICONS = {"critical": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}
BINDINGS = {
    Binding.MAILBOX_PAUSED: "the mailbox is paused",
    Binding.MAILBOX_COOLING_DOWN: "the mailbox cools down",
    Binding.DOMAIN_PAUSED: "its domain is paused",
    Binding.DOMAIN_COOLING_DOWN: "its domain cools down",
    Binding.ACCOUNT_PAUSED: "its provider account is paused",
    Binding.ACCOUNT_WAITS: "its provider asked to wait",
    Binding.PUT_OFF: "its server says “later” to everything",
    Binding.MINIMUM_GAP: "the least gap between two mails",
    Binding.SPREAD: "its even spread over the day",
    Binding.MAILBOX_DAY: "its daily limit",
    Binding.WARM_UP: "its warm-up",
    Binding.PROBATION: "its probation",
    Binding.MAILBOX_HOUR: "its hourly limit",
    Binding.DOMAIN_DAY: "its domain's daily limit",
    Binding.ACCOUNT_DAY: "its provider account's daily quota",
    Binding.PROVIDER_DAY: "the provider's own daily limit",
    Binding.RECIPIENT_HOUR: "the hourly limits of recipient domains",
}


def show_alerts(*, first: int = 0) -> None:
    """What is wrong now, gravest first: the first ones in the open, the others folded away under their count.

    People with the role may close an alert.
    """
    alerts = page.leadmill().open_alerts()
    if not alerts:
        st.success("No open alert.", icon=":material/check_circle:")
        return
    for alert in alerts[:first]:
        with st.container(border=True):
            _show_alert(alert)
    if folded := alerts[first:]:
        more = " more" if first else ""
        with st.expander(
            f"{len(folded)}{more} open alert{'s' if len(folded) > 1 else ''}: {_severities(folded)}",
            icon=":material/notifications_active:",
        ):
            for alert in folded:
                _show_alert(alert)


def _severities(alerts: Sequence[Alert]) -> str:
    counts = Counter(alert.severity for alert in alerts)
    return ", ".join(f"{counts[severity]} {severity}" for severity in ICONS if counts[severity])


def _show_alert(alert: Alert) -> None:
    said, act = st.columns([7, 1], vertical_alignment="center")
    often = f" · seen {alert.occurrences:,} times" if alert.occurrences > 1 else ""
    said.markdown(f"{ICONS[alert.severity]} **{page.plain(alert.subject)}**: {page.plain(alert.message)}")
    said.caption(f"{alert.severity} · since {moment(alert.first_at)}{often}")
    if page.actor().role is not Role.VIEWER and act.button(
        "Close", key=f"close_alert_{alert.alert_id}", width="stretch"
    ):
        with page.attempt():
            page.leadmill().resolve_alert(page.actor(), alert.alert_id, page.now())
            page.say_later("The alert is closed. It opens again if the trouble is still there.")
            st.rerun()


def show_mailboxes() -> None:
    """Every mailbox with what it sent, may send, and how its mail fared."""
    at = page.now()
    found = page.leadmill().mailboxes(at)
    if not found:
        charts.explain_absence("No mailbox is set up yet. An admin adds domains and mailboxes under Organisation.")
        return
    health = page.leadmill().mailbox_health(at)
    _show_totals(found)
    views = [LIMITS, FATE, SETUP]
    view = st.segmented_control(
        "Columns", views, default=LIMITS, required=True, key="mailbox_view", label_visibility="collapsed"
    )
    picked = st.dataframe(
        [_line(state, health.get(state.mailbox.mailbox_id), view) for state in found],
        hide_index=True,
        width="stretch",
        height=page.table_height(len(found), 30),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Used": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f %%", width=95),
            f"Mails in {WINDOW_DAYS} days": st.column_config.NumberColumn(width=100),
            "Bounced": st.column_config.TextColumn(width=105),
            "Complaints": st.column_config.NumberColumn(width=80),
            "Blocked as spam": st.column_config.NumberColumn(width=105),
            "Stopped because": st.column_config.TextColumn(width=330),
            "Status": st.column_config.TextColumn(width=105),
            "Sent today": st.column_config.TextColumn(width=85),
            "May send now": st.column_config.NumberColumn(width=95),
            "What holds it back": st.column_config.TextColumn(width=330),
        },
        key="mailbox_table",
    )
    rates = (
        f"Rates are of the last {WINDOW_DAYS} days. Below {BOUNCE_MINIMUM_SAMPLE} mails a rate says little: a healthy "
        "mailbox with 40 mails a day shows 5 % bounces on one day in five. "
    )
    st.caption(f"{rates if view == FATE else ''}Choose a line to read more of a mailbox, and to pause or release it.")
    if picked.selection.rows:
        _show_chosen(found[picked.selection.rows[0]])


def _show_totals(found: list[MailboxState]) -> None:
    can = Counter(_standing(state) for state in found)
    sending, stopped, used, left = st.columns(4)
    sending.metric("May send", can["active"], border=True)
    stopped.metric("Paused or cooling down", len(found) - can["active"], border=True)
    used.metric("Sent today", f"{sum(s.mailbox.taken_today for s in found):,}", border=True)
    left.metric(
        "May still go out now",
        f"{sum(s.capacity.remaining for s in found):,}",
        border=True,
        help="By each mailbox's tightest limit; limits that mailboxes share may allow less.",
    )


def _standing(state: MailboxState) -> str:
    """The mailbox's status, or its domain's or account's where that stops it."""
    own = state.mailbox
    for status in (own.account_status, own.domain_status, own.status):
        if status.value != "active":
            return status.value
    return "active"


def _line(state: MailboxState, known: MailboxHealth | None, view: str | None) -> dict[str, object]:
    mailbox, health = state.mailbox, known.health if known else Health(0)
    line: dict[str, object] = {"Mailbox": state.address, "Status": status_words(_standing(state), None)}
    if view == FATE:
        return line | {
            f"Mails in {WINDOW_DAYS} days": health.sent,
            "Bounced": _rate(health.bounce_rate, health.sent),
            "Complaints": health.complained,
            "Blocked as spam": health.blocked,
            "Stopped because": state.status_reason or state.domain_status_reason,
        }
    if view == SETUP:
        return line | {
            "Full daily limit": mailbox.daily_limit,
            "Warm-up": _warmth(state),
            "Pool": state.pool,
            "Account": state.account,
            "Provider": PROVIDERS.get(state.provider, state.provider),
        }
    return line | {
        "Used": 100 * mailbox.taken_today / state.day_limit if state.day_limit else 0.0,
        "Sent today": f"{mailbox.taken_today:,} of {state.day_limit:,}",
        "May send now": state.capacity.remaining,
        "What holds it back": binding_words(state),
    }


def binding_words(state: MailboxState) -> str:
    """What keeps a mailbox from sending now; where nothing does, which limit comes first."""
    said = BINDINGS[state.capacity.binding]
    if state.capacity.remaining:
        return f"nothing now; first will be {said}"
    return f"{said}, until {moment(state.capacity.relaxes_at)}" if state.capacity.relaxes_at else said


def _warmth(state: MailboxState) -> str:
    mailbox = state.mailbox
    if mailbox.is_on_probation:
        return "probation"
    if not is_warming_up(mailbox):
        return "warm"
    if mailbox.warm_up_started_on is not None and mailbox.day < mailbox.warm_up_started_on:
        return "not begun"
    return f"stage {(mailbox.warm_up.stage if mailbox.warm_up else 0) + 1}"


def _rate(rate: float, sent: int) -> str:
    return f"{rate:.1%}" if sent >= BOUNCE_MINIMUM_SAMPLE else "not enough data"


def _show_chosen(state: MailboxState) -> None:
    with st.container(border=True):
        mailbox, standing = state.mailbox, _standing(state)
        cools = mailbox.domain_status.value == "cooling_down"
        until = mailbox.domain_cool_down_until if cools else mailbox.cool_down_until
        st.markdown(f"**{state.address}**: {status_words(standing, until)}")
        if reason := state.status_reason or state.domain_status_reason:
            st.caption(f"Reason: {page.plain(reason)}")
        st.caption(f"What holds it back: {binding_words(state)}")
        if page.actor().role is Role.VIEWER:
            return
        number = mailbox.mailbox_id
        hold_form(
            "mailbox",
            hands={"mailbox_id": number},
            is_active=state.mailbox.status.value == "active",
            pause=lambda reason: page.leadmill().pause_mailbox(page.actor(), number, reason=reason, as_of=page.now()),
            lift=lambda reason: page.leadmill().lift_pause(page.actor(), number, reason=reason, as_of=page.now()),
        )


def hold_form(
    what: str,
    *,
    hands: Mapping[str, int | str],
    is_active: bool,
    pause: Callable[[str], bool],
    lift: Callable[[str], bool],
) -> None:
    """Pause what sends, or release what is stopped, with a reason that the audit log keeps."""
    if not is_active and page.actor().role is not Role.ADMIN:
        st.caption(f"This {what} is stopped. Only an admin can release it.")
        return
    key = f"{'pause' if is_active else 'lift'}_{what}"  # a second click on the one must not become the other
    with st.form(key):
        reason = st.text_input("Reason", help="The audit log keeps it.", key=f"{key}_reason", max_chars=REASON_LIMIT)
        said = f"Pause this {what}" if is_active else f"Let this {what} send again"
        if st.form_submit_button(said, type="primary"):
            with page.attempt():
                (pause if is_active else lift)(reason)
                done = "paused: nothing more goes out from it" if is_active else "released: it sends again"
                page.say_later(f"The {what} is {done}.{page.in_hand(**hands) if is_active else ''}")
                st.rerun()


def status_words(status: str, until: datetime | None) -> str:
    """A status for people, with the end of a cool-down."""
    if status == "cooling_down":
        return f"cooling down until {moment(until)}" if until else "cooling down"
    return status


def moment(at: datetime | None) -> str:
    """A moment for people, in UTC."""
    return moments.in_words(at) if at else "unknown"
