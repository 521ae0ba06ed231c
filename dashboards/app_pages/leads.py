"""Leads: find them, look at one, upload files and follow their import."""

from __future__ import annotations

import lead_detail
import lead_files
import lead_list
import page
import streamlit as st

chosen = page.chosen("lead")
if chosen is not None:
    with page.attempt():
        lead_detail.show(chosen)
else:
    page.header("Leads", "Who is there, how likely they answer, and what came of the files they arrived in.")
    find, files = st.tabs(["Find leads", "Upload a file"])
    with find, page.attempt():
        lead_list.show()
    with files, page.attempt():
        lead_files.show()
