"""Account: one's own password and sessions."""

from __future__ import annotations

import page
import streamlit as st

from leadmill.domain.passwords import MIN_PASSWORD_CHARACTERS

page.header("Account", "Your own password and sessions.")
holder = st.session_state["holder"]
name, address, role = st.columns(3)
name.metric("Name", holder.full_name or "not given", border=True)
address.metric("E-mail address", holder.actor.email, border=True)
role.metric("Role", holder.actor.role.value, border=True)

left, right = st.columns([3, 2], gap="large")
with left, st.form("change_password", clear_on_submit=True):
    st.subheader("Change the password", anchor=False)
    current = st.text_input("Current password", type="password", autocomplete="current-password")
    new = st.text_input(
        "New password",
        type="password",
        autocomplete="new-password",
        help=f"At least {MIN_PASSWORD_CHARACTERS} characters.",
    )
    again = st.text_input("New password again", type="password", autocomplete="new-password")
    if st.form_submit_button("Change password", type="primary"):
        if new != again:
            st.error("The new password was not the same twice.", icon=":material/error:")
        else:
            with page.attempt():
                page.leadmill().change_own_password(page.actor(), current, new, page.now())
                st.success("Changed. Every session has ended: [log in again](/login) with the new password.")

with right, st.container(border=True):
    st.subheader("Sign out everywhere", anchor=False)
    st.write("Ends every session of yours on every device, this one too.")
    if st.button("Sign out everywhere", key="sign_out_everywhere"):
        with page.attempt():
            ended = page.leadmill().sign_out_everywhere(page.actor(), holder.user_id, page.now())
            st.success(f"{ended} session{'s' if ended != 1 else ''} ended. [Log in again](/login) to go on.")
