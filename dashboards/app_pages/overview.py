"""Overview: what was sent, what came back, what is blocked."""

from __future__ import annotations

import blocked
import outcomes
import page
import streamlit as st

page.header("Overview", "What was sent, what came back, and what is blocked.")
with page.attempt():
    scope = outcomes.choose_scope()
    overview = outcomes.read(page.installation(), scope)
    outcomes.show_key_figures(overview)
    left, right = st.columns(2, gap="large")
    with left:
        outcomes.show_funnel(overview)
    with right:
        outcomes.show_over_time(overview)
blocked.show()
with page.attempt():
    left, right = st.columns([2, 1], gap="large")
    with left:
        outcomes.show_domains(overview)
    with right:
        outcomes.show_states(overview)
