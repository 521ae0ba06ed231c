"""Campaigns: list them, make one, follow one."""

from __future__ import annotations

import campaign_detail
import campaign_list
import page
import streamlit as st

chosen = st.query_params.get("campaign", "")
if chosen.isdigit():
    with page.attempt():
        campaign_detail.show(int(chosen))
else:
    page.header("Campaigns", "Whom we mail, with what, when, and what came of it.")
    with page.attempt():
        campaign_list.show()
