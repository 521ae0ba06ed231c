"""Team: who may log in, as what, and who is invited."""

from __future__ import annotations

import page
import people
import streamlit as st

page.header("Team", "Who may log in, what they may do, and who is invited.")
page.only_admins()
with page.attempt():
    people.show_once()
users, invitations = st.tabs(["Users", "Invitations"], key="team_tabs")
with users, page.attempt():
    people.show_users()
with invitations, page.attempt():
    people.show_invitations()
