"""The overview's numbers and charts: what was sent, what came back, people and machines apart."""

from __future__ import annotations

from datetime import datetime, timedelta

import charts
import page
import streamlit as st

from leadmill.domain.guardrails import BOUNCE_RATE_PAUSES, BOUNCE_RATE_WARNS, COMPLAINT_RATE_ALERTS
from leadmill.domain.outcomes import Outcomes
from leadmill.ports.reports import Overview, ReportScope

PERIODS = {"Last 24 hours": 1, "Last 7 days": 7, "Last 30 days": 30, "Last 12 months": 365}
SMALL_SAMPLE = 100
"""Mails below which a rate says little: at 100 mails, 2 % is two mails more or less."""
STATE_WORDS = {
    "planned": "Waiting to go out",
    "claimed": "Going out now",
    "accepted": "Accepted by a provider",
    "delivered": "Delivered",
    "dropped": "Not sent: on the provider's own list",
    "bounced": "Came back undelivered",
    "complained": "Reported as spam",
    "refused": "Refused by a provider",
    "ambiguous": "Unclear whether it went out",
    "lost": "Given up as lost",
    "suppressed": "Held back: must not be mailed",
    "cancelled": "Cancelled",
    "expired": "Too late: the campaign ended",
}


def choose_scope() -> ReportScope:
    """Period and campaign, as the person picks them."""
    campaigns = {c.campaign_id: c.name for c in page.leadmill().campaigns()}
    left, right, _ = st.columns([1, 2, 1])
    period = left.selectbox("Period", list(PERIODS), index=1, key="overview_period")
    chosen = right.selectbox(
        "Campaign",
        [None, *campaigns],
        format_func=lambda c: "All campaigns" if c is None else campaigns[c],
        key="overview_campaign",
    )
    days = PERIODS[period]
    # To the full minute: the cache's key would otherwise be new at every click.
    end = page.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    return ReportScope(end - timedelta(days=days), end, chosen, bucket_hours=1 if days == 1 else 24)


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner="Counting …")
def read(installation: str, scope: ReportScope) -> Overview:  # noqa: ARG001 - the key of the cache
    """The overview of a scope, at most a few seconds old."""
    return page.leadmill().overview(scope)


def show_key_figures(overview: Overview) -> None:
    """What a person wants to know first."""
    total, states = overview.total, overview.states
    sent, arrived, opened, clicked, replied = st.columns(5)
    sent.metric("Mails sent", f"{total.tried:,}", border=True, help=_sent_words(total))
    arrived.metric("Bounced", share(total.bounced, total), border=True, help=_threshold_words(), delta_color="off")
    opened.metric("Opened by people", share(total.opened, total), border=True)
    clicked.metric("Clicked by people", share(total.clicked, total), border=True)
    replied.metric("Replied", share(total.replied, total), border=True)
    waiting, unclear, complained, left, machines = st.columns(5)
    waiting.metric("Waiting to go out", f"{states.get('planned', 0):,}", border=True, help="Now, whatever the period.")
    unclear.metric(
        "Unclear",
        f"{states.get('ambiguous', 0):,}",
        border=True,
        help="Handed over, but the answer never came. Never sent again by itself; decide on the campaign's page.",
    )
    complained.metric("Spam reports", f"{total.complained:,}", border=True)
    left.metric("Unsubscribed", f"{total.unsubscribed:,}", border=True)
    machines.metric(
        "Machine opens",
        f"{total.machine_opened:,}",
        border=True,
        help="Privacy proxies and security scanners that load every picture. Never counted as people.",
    )
    if 0 < total.tried < SMALL_SAMPLE:
        st.caption(f"Rates of fewer than {SMALL_SAMPLE} mails say little; counts are shown in brackets.")


def _sent_words(total: Outcomes) -> str:
    return (
        f"In this period: {total.accepted:,} accepted by a provider, {total.tried - total.accepted:,} refused at once "
        "because there is no such address. What a provider held back by its own list was not sent and counts nowhere."
    )


def _threshold_words() -> str:
    return (
        "There is no such address, whether the recipient's server said so at once or by a report. Full mailboxes and "
        f"blocks are no bounces. A mailbox is warned about above {BOUNCE_RATE_WARNS:.0%} and paused above "
        f"{BOUNCE_RATE_PAUSES:.0%}; spam reports alert above {COMPLAINT_RATE_ALERTS:.1%}."
    )


def share(part: int, whole: Outcomes, *, of_none: str = "no data yet") -> str:
    """A rate for people; with the count where the sample is small, and no rate of nothing."""
    rate = whole.rate(part)
    if rate is None:
        return of_none
    return f"{rate:.1%}" if whole.tried >= SMALL_SAMPLE else f"{rate:.0%} ({part})"


def show_funnel(overview: Overview) -> None:
    """From the provider's yes to the reply."""
    total = overview.total
    st.subheader("From sent to replied", anchor=False)
    if not total.tried:
        charts.explain_absence(_why_nothing(overview))
        return
    stages = [
        ("Sent", total.tried),
        ("Delivered", total.delivered),
        ("Opened by people", total.opened),
        ("Clicked by people", total.clicked),
        ("Replied", total.replied),
    ]
    charts.show(charts.funnel(stages), key="overview_funnel")
    st.caption(
        f"“Delivered” is what did not come back: {total.confirmed:,} confirmed, the others without a word so far, "
        f"since plain SMTP sends no confirmation. {total.undelivered:,} came back for another reason than a dead "
        "address: a full mailbox, a block. A click counts as an open: many readers block pictures."
    )


def _why_nothing(overview: Overview) -> str:
    if not overview.states:
        return "Nothing was planned yet. Create a campaign under Campaigns; its mails show here once they are accepted."
    if overview.states.get("planned"):
        return (
            f"No mail was accepted in this period; {overview.states['planned']:,} wait to go out. Below, or on the "
            "campaign's page, you see what they wait for."
        )
    return "No mail was accepted in this period. Choose a longer one."


def show_over_time(overview: Overview) -> None:
    """Volumes and rates by when the mails went out."""
    st.subheader("Over time", anchor=False)
    if not overview.over_time:
        charts.explain_absence("There is nothing to draw before the first mail of this period was accepted.")
        return
    moments = [moment for moment, _ in overview.over_time]
    outcomes = [outcome for _, outcome in overview.over_time]
    volumes, rates = st.tabs(["Mails", "Rates"])
    with volumes:
        parts = {
            "Opened by people": [o.opened for o in outcomes],
            "Opened by machines only": [o.machine_opened for o in outcomes],
            "Not opened": [max(0, o.delivered - o.opened - o.machine_opened) for o in outcomes],
            "Came back for another reason": [o.undelivered for o in outcomes],
            "Bounced": [o.bounced for o in outcomes],
        }
        colours = {
            "Opened by people": charts.TEAL,
            "Opened by machines only": charts.AMBER,
            "Not opened": charts.GREY,
            "Came back for another reason": charts.VIOLET,
            "Bounced": charts.RED,
        }
        charts.show(charts.stacked_bars(_labels(moments, overview), parts, colours=colours), key="overview_volumes")
    with rates:
        names = {
            "Opened by people": "opened",
            "Clicked by people": "clicked",
            "Replied": "replied",
            "Bounced": "bounced",
        }
        series = {label: [o.rate(getattr(o, name)) for o in outcomes] for label, name in names.items()}
        charts.show(charts.lines(_labels(moments, overview), series, as_rate=True), key="overview_rates")
    step = "hour" if overview.bucket_hours == 1 else "day"
    st.caption(f"By the {step} (UTC) in which a mail was accepted; what came back later counts for the same {step}.")


def _labels(moments: list[datetime], overview: Overview) -> list[str]:
    form = "%d %b, %H:00" if overview.bucket_hours == 1 else "%d %b %Y"
    return [moment.strftime(form) for moment in moments]


def show_domains(overview: Overview) -> None:
    """How each sending domain's mail fared."""
    st.subheader("By sending domain", anchor=False)
    if not overview.by_domain:
        charts.explain_absence("No sending domain has sent in this period.")
        return
    st.dataframe(
        [
            {
                "Domain": name,
                "Sent": o.tried,
                "Bounced": share(o.bounced, o),
                "Spam": o.complained,
                "Opened": share(o.opened, o),
                "Clicked": share(o.clicked, o),
                "Replied": share(o.replied, o),
            }
            for name, o in overview.by_domain.items()
        ],
        hide_index=True,
        width="stretch",
        height=page.table_height(len(overview.by_domain), 20),
        column_config=page.counts("Sent", "Spam"),
    )
    st.caption("Rates are shares of the mails sent. Opens, clicks and replies are by people; machines are left out.")


def show_states(overview: Overview) -> None:
    """Where every planned mail stands: nothing is lost silently."""
    st.subheader("Where every mail stands", anchor=False)
    if not overview.states:
        charts.explain_absence("No mail is planned yet.")
        return
    known = [(STATE_WORDS[state], overview.states[state]) for state in STATE_WORDS if overview.states.get(state)]
    st.dataframe(
        [{"State": words, "Mails": count} for words, count in [*known, ("All", sum(overview.states.values()))]],
        hide_index=True,
        width="stretch",
        height="content",
        column_config=page.counts("Mails"),
    )
    st.caption("All steps of all campaigns together, now. The sum always equals what was planned.")
