"""Deliverability: what is wrong now, domains against blacklists, mailboxes, what is stopped, warm-ups, placement."""

from __future__ import annotations

import blacklists
import holds
import page
import placement
import senders
import simulation
import streamlit as st
import unknown_replies
import warm_ups

page.header("Deliverability", "Whether our mail may leave, whether it arrives, and what stands in the way.")
with page.attempt():
    senders.show_alerts()
names = ["Domains and blacklists", "Mailboxes", "Stopped", "Warm-up", "Placement", "Simulation", "Blacklist history"]
domains, mailboxes, stopped, warming, placed, plan, history, replies = st.tabs([*names, "Unknown replies"])
with domains, page.attempt():
    blacklists.show_domains()
with mailboxes, page.attempt():
    senders.show_mailboxes()
with stopped, page.attempt():
    holds.show()
with warming, page.attempt():
    warm_ups.show()
with placed, page.attempt():
    placement.show()
with plan, page.attempt():
    simulation.show()
with history, page.attempt():
    blacklists.show_history()
with replies, page.attempt():
    unknown_replies.show()
