"""Mailboxes: an administrator's form."""

from __future__ import annotations

from zoneinfo import available_timezones

import page
import streamlit as st
from provider_accounts import WHERE_HELP

from leadmill.domain import moments
from leadmill.domain.warm_up import CURVES
from leadmill.ports.mailboxes import MailboxSetup
from leadmill.ports.sender_setup import SenderSetup

NEW = "New …"
USUAL_DAILY_LIMIT = MailboxSetup.__dataclass_fields__["daily_limit"].default


def show(setup: SenderSetup) -> None:
    """Every mailbox, and a form for adding or changing one."""
    st.subheader("Mailboxes", anchor=False)
    if setup.mailboxes:
        st.dataframe(
            [_line(mailbox) for mailbox in setup.mailboxes],
            hide_index=True,
            width="stretch",
            height=page.table_height(len(setup.mailboxes), 10),
            column_config={
                "Mailbox": st.column_config.TextColumn(width=190),
                "Name": st.column_config.TextColumn(width=205),
                "Account": st.column_config.TextColumn(width=110),
                "Pool": st.column_config.TextColumn(width=90),
                "Limits": st.column_config.TextColumn(width=130),
                "Warm-up": st.column_config.TextColumn(width=120),
                "Time zone": st.column_config.TextColumn(width=80),
                "Secret": st.column_config.TextColumn(width=80),
            },
        )
    pools = [pool.name for pool in page.leadmill().pools()]
    accounts = [entry.setup.name for entry in setup.accounts]
    if not (pools and accounts and setup.domains):
        st.caption("A mailbox needs a provider account, a sending domain and a pool.")
        return
    known = {mailbox.address: mailbox for mailbox in setup.mailboxes}
    with st.expander("Add or change a mailbox", icon=":material/edit:"):
        chosen = st.selectbox("Mailbox", [NEW, *known], key="mailbox_chosen")
        before = known.get(chosen)
        _form(before or MailboxSetup("", setup.domains[0].name, accounts[0], pools[0]), accounts, pools)


def _line(mailbox: MailboxSetup) -> dict[str, object]:
    return {
        "Mailbox": mailbox.address,
        "Name": mailbox.display_name,
        "Account": mailbox.account,
        "Pool": mailbox.pool,
        "Limits": _limit_words(mailbox),
        "Warm-up": _warm_up_words(mailbox),
        "Time zone": mailbox.time_zone,
        "Secret": mailbox.secret_ref or "none",
    }


def _limit_words(mailbox: MailboxSetup) -> str:
    hour = f", {mailbox.hourly_limit:,} an hour" if mailbox.hourly_limit is not None else ""
    gap = f", {mailbox.min_gap_seconds:,} s apart" if mailbox.min_gap_seconds else ""
    return f"{mailbox.daily_limit:,} a day{hour}{gap}"


def _warm_up_words(mailbox: MailboxSetup) -> str:
    if mailbox.warm_up_started_on is None:
        return "warm"
    curve = f", curve {mailbox.warm_up_curve}" if mailbox.warm_up_curve else ""
    return f"since {moments.day_in_words(mailbox.warm_up_started_on)}{curve}"


def _form(before: MailboxSetup, accounts: list[str], pools: list[str]) -> None:
    key = f"mailbox_{before.address}"
    with st.form(f"{key}_form"):
        left, right = st.columns(2)
        address = before.address or left.text_input("Address", key=f"{key}_address", placeholder="ada@mail.example.com")
        values = {
            "display_name": (left if before.address else right).text_input(
                "Name that recipients see", before.display_name, key=f"{key}_display"
            ),
            "account": left.selectbox(
                "Provider account", accounts, accounts.index(before.account), key=f"{key}_account"
            ),
            "pool": right.selectbox("Pool", pools, pools.index(before.pool), key=f"{key}_pool"),
            "user_name": left.text_input(
                "User name at the server", before.user_name, key=f"{key}_user", help="SMTP only; empty is no log-in."
            ),
            "secret_ref": right.text_input(
                "Where its secret is", before.secret_ref, help=WHERE_HELP, key=f"{key}_secret"
            ),
        }
        values |= _limits(before, key)
        if st.form_submit_button("Save the mailbox", type="primary"):
            with page.attempt():
                wanted = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
                page.leadmill().add_mailbox(page.actor(), address=address.strip(), **wanted, as_of=page.now())
                page.say_later(f"Mailbox {address.strip()} is saved.")
                st.rerun()


def _limits(before: MailboxSetup, key: str) -> dict[str, object]:
    day, hour, gap = st.columns(3)
    zone, warm_up, curve = st.columns(3)
    zones = sorted(available_timezones() | {before.time_zone})
    return {
        "daily_limit": day.number_input(
            "Mails a day, at most", 0, value=before.daily_limit, key=f"{key}_day", help=f"Usual: {USUAL_DAILY_LIMIT}."
        ),
        "hourly_limit": hour.number_input("Mails an hour, at most", 1, value=before.hourly_limit, key=f"{key}_hour"),
        "min_gap_seconds": gap.number_input(
            "Seconds between two mails, at least", 0, value=before.min_gap_seconds, key=f"{key}_gap"
        ),
        "time_zone": zone.selectbox("Time zone of its day", zones, zones.index(before.time_zone), key=f"{key}_zone"),
        "warm_up_started_on": warm_up.date_input(
            "Warm-up since",
            before.warm_up_started_on,
            key=f"{key}_warm_up",
            disabled=before.warm_up_started_on is not None,
            help="Empty for a mailbox that is warm already. Once set, it stays.",
        ),
        "warm_up_curve": curve.text_input(
            "Curve of its warm-up",
            before.warm_up_curve,
            key=f"{key}_curve",
            placeholder="the pool's",
            help=f"{', '.join(CURVES)}, or daily limits such as 5,8,12,20.",
        ),
    }
