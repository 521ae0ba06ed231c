"""How fast each receiver's mailboxes are mailed: an administrator's form."""

from __future__ import annotations

import page
import receivers
import streamlit as st
from provider_accounts import limit_words

from leadmill.domain.recipient_domains import RecipientFamily

NEW = "New …"
SHOWN_DOMAINS = 6


def show() -> None:
    """Every limited group of recipient domains, and a form for adding, changing or removing one."""
    st.subheader("Recipient domains", anchor=False)
    st.caption(
        "Mails an hour that each sending domain sends to the mailboxes of one receiver; all others have no limit."
    )
    families = page.leadmill().recipient_limits()
    if families:
        st.dataframe(
            [
                {
                    "Receiver": receivers.name_of(each.family),
                    "Mails an hour": limit_words(each.hourly_limit),
                    "Domains": _domains(each),
                }
                for each in families
            ],
            hide_index=True,
            width="stretch",
            column_config={"Receiver": st.column_config.TextColumn(width=200)},
        )
    known = {each.family: each for each in families}
    with st.expander("Add or change a receiver's limit", icon=":material/edit:"):
        chosen = st.selectbox("Receiver", [NEW, *known], format_func=receivers.name_of, key="recipient_chosen")
        _form(known.get(chosen))


def _domains(family: RecipientFamily) -> str:
    more = len(family.domains) - SHOWN_DOMAINS
    named = ", ".join(family.domains[:SHOWN_DOMAINS])
    return f"{named} and {more} more" if more > 0 else named


def _form(before: RecipientFamily | None) -> None:
    key = f"recipient_{before.family if before else ''}"
    with st.form(f"{key}_form"):
        name = before.family if before else st.text_input("Name", key=f"{key}_name", placeholder="gmail")
        limit = st.number_input(
            "Mails an hour from each sending domain",
            0,
            value=before.hourly_limit if before else None,
            key=f"{key}_limit",
            help="Empty is no limit.",
        )
        domains = st.text_area(
            "Domains", "\n".join(before.domains) if before else "", key=f"{key}_domains", help="One a line."
        )
        save, remove = st.columns(2)
        if save.form_submit_button("Save the limit", type="primary"):
            with page.attempt():
                page.leadmill().set_recipient_limit(
                    page.actor(), name, page.now(), hourly_limit=limit, domains=domains.split()
                )
                page.say_later(
                    f"{receivers.name_of(name.strip())}: {limit_words(limit)} mails an hour from each sending domain."
                )
                st.rerun()
        if before and remove.form_submit_button("Remove it"):
            with page.attempt():
                page.leadmill().remove_recipient_limit(page.actor(), before.family, page.now())
                page.say_later(f"Nothing limits {receivers.name_of(before.family)} any more.")
                st.rerun()
