"""Deliverability: what is wrong now, domains against blacklists, mailboxes, and how it was before."""

from __future__ import annotations

import blacklists
import page
import senders
import streamlit as st

page.header("Deliverability", "Whether our mail may leave, whether it arrives, and what stands in the way.")
with page.attempt():
    senders.show_alerts()
domains, mailboxes, history = st.tabs(["Domains and blacklists", "Mailboxes", "Blacklist history"])
with domains, page.attempt():
    blacklists.show_domains()
with mailboxes, page.attempt():
    senders.show_mailboxes()
with history, page.attempt():
    blacklists.show_history()
