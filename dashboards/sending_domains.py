"""Sending domains: an administrator's form."""

from __future__ import annotations

import page
import senders
import streamlit as st
from provider_accounts import limit_words

from leadmill.ports.sender_setup import DomainEntry, SenderSetup

NEW = "New …"


def show(setup: SenderSetup) -> None:
    """Every sending domain, and a form for adding or changing one."""
    st.subheader("Sending domains", anchor=False)
    if setup.domains:
        st.dataframe(
            [
                {
                    "Domain": entry.name,
                    "Status": senders.status_words(entry.status, None),
                    "Sending IPs": ", ".join(entry.sending_ips),
                    "Mails a day": limit_words(entry.daily_limit),
                    "DKIM keys of ours": ", ".join(entry.dkim_selectors) or "none",
                    "Mailboxes": entry.mailbox_count,
                }
                for entry in setup.domains
            ],
            hide_index=True,
            width="stretch",
            height=page.table_height(len(setup.domains), 10),
        )
    known = {entry.name: entry for entry in setup.domains}
    with st.expander("Add or change a sending domain", icon=":material/edit:"):
        chosen = st.selectbox("Domain", [NEW, *known], key="setup_domain_chosen")
        _form(known.get(chosen))


def _form(before: DomainEntry | None) -> None:
    key = f"domain_{before.name if before else ''}"
    with st.form(f"{key}_form"):
        name = before.name if before else st.text_input("Name", key=f"{key}_name", placeholder="mail.example.com")
        ips = st.text_input(
            "Sending IPs",
            ", ".join(before.sending_ips) if before else "",
            key=f"{key}_ips",
            help="Comma-separated; blacklists are asked about them every hour. Empty for a provider's shared IPs.",
        )
        daily_limit = st.number_input(
            "Mails a day, at most", 1, value=before.daily_limit if before else None, key=f"{key}_day"
        )
        if st.form_submit_button("Save the domain", type="primary"):
            with page.attempt():
                page.leadmill().add_sending_domain(
                    page.actor(),
                    name=name,
                    sending_ips=[ip.strip() for ip in ips.split(",") if ip.strip()],
                    daily_limit=daily_limit,
                    as_of=page.now(),
                )
                page.say_later(f"Sending domain {name.strip()} is saved.")
                st.rerun()
