"""Users and invitations, for administrators."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import page
import senders
import streamlit as st

from leadmill.domain.access import Role
from leadmill.domain.passwords import INVITATION_DURATION
from leadmill.ports.access import Invitation, User

MAY = {
    Role.VIEWER: "looks at everything but the settings",
    Role.ANALYST: "also imports leads, prepares and runs campaigns, pauses senders",
    Role.ADMIN: "also configures senders, pools and users, and releases what is paused",
}
ROLES = list(MAY)


def show_once() -> None:
    """A link or a password that is told this once: it is stored nowhere."""
    with st.container():  # always there, so that the tabs below stay where they are
        if told := st.session_state.pop("told_once", None):
            message, secret = told
            st.warning(f"{message} It is shown this once.", icon=":material/key:")
            st.code(secret, language=None, wrap_lines=True)


def _tell_once(message: str, secret: str) -> None:
    st.session_state["told_once"] = (message, secret)
    st.rerun()


def show_users() -> None:
    """Every user, and what an administrator can do with one."""
    found = page.leadmill().users(page.actor())
    st.dataframe(
        [_line(user) for user in found],
        hide_index=True,
        width="stretch",
        column_config={"Role": st.column_config.TextColumn(width=90), "State": st.column_config.TextColumn(width=220)},
    )
    st.caption(" · ".join(f"**{role.value}** {does}" for role, does in MAY.items()))
    by_address = {user.email: user for user in found}
    chosen = st.selectbox(
        "Change a user", [*by_address], index=None, placeholder="Choose somebody", key="user_chosen", width=420
    )
    if chosen:
        _show_actions(by_address[chosen])


def _line(user: User) -> dict[str, object]:
    return {
        "Name": user.full_name,
        "E-mail": user.email,
        "Role": user.role.value,
        "State": _state(user, page.now()),
        "Last log-in": senders.moment(user.last_session_at) if user.last_session_at else "never",
        "Since": senders.moment(user.created_at),
    }


def _state(user: User, at: datetime) -> str:
    if not user.is_active:
        return "deactivated"
    is_locked = user.locked_until is not None and user.locked_until > at
    return f"locked until {senders.moment(user.locked_until)}" if is_locked else "active"


def _show_actions(user: User) -> None:
    with st.container(border=True):
        st.markdown(f"**{page.plain(user.full_name or user.email)}** · {user.email}")
        choose, change, _ = st.columns([2, 1, 3], vertical_alignment="bottom")
        role = choose.selectbox(
            "Role", ROLES, index=ROLES.index(user.role), format_func=str, key=f"role_{user.user_id}"
        )
        if change.button("Change role", key="change_role", width="stretch"):
            with page.attempt():
                page.leadmill().change_role(page.actor(), user.user_id, role, page.now())
                _done(f"{user.email} is {role.value} now, from the next click on.")
        active, password, sessions = st.columns(3)
        word = "Deactivate" if user.is_active else "Reactivate"
        if active.button(word, key="set_active", width="stretch", help="A deactivated user is logged out at once."):
            with page.attempt():
                page.leadmill().set_user_active(page.actor(), user.user_id, page.now(), is_active=not user.is_active)
                _done(f"{user.email} is {'deactivated' if user.is_active else 'active again'}.")
        if password.button("Reset password", key="reset_password", width="stretch", help="Ends their sessions."):
            with page.attempt():
                given = page.leadmill().reset_password(page.actor(), user.user_id, page.now())
                _tell_once(f"The new password of {user.email}; hand it over in a safe way.", given)
        if sessions.button("Sign out everywhere", key="sign_out_user", width="stretch"):
            with page.attempt():
                ended = page.leadmill().sign_out_everywhere(page.actor(), user.user_id, page.now())
                _done(f"Sessions of {user.email} that were ended: {ended}.")


def show_invitations() -> None:
    """Invite somebody, and the invitations that are open."""
    part = partial(page.form_part, "invite")
    with st.form("invite"):
        address, choose = st.columns([3, 2])
        email = address.text_input("E-mail address", key=part("invite_email"), placeholder="name@company.com")
        role = choose.selectbox(
            "Role",
            ROLES,
            format_func=lambda role: f"{role.value}: {MAY[role]}",
            key=part("invite_role"),
        )
        if st.form_submit_button("Make an invitation link", type="primary"):
            with page.attempt():
                link = page.leadmill().invite_user(page.actor(), email, role, page.now())
                page.empty_form("invite")
                _tell_once(f"Send this link to {email}; it works for {INVITATION_DURATION.days} days.", link)
    found = page.leadmill().invitations(page.actor(), page.now())
    if not found:
        st.caption("No invitation is open.")
    for invitation in found:
        _show_invitation(invitation)


def _show_invitation(invitation: Invitation) -> None:
    said, act = st.columns([6, 1], vertical_alignment="center")
    said.markdown(f"**{invitation.email}** as {invitation.role.value}")
    said.caption(f"by {invitation.invited_by} · works until {senders.moment(invitation.expires_at)}")
    if act.button("Withdraw", key=f"withdraw_{invitation.invitation_id}", width="stretch"):
        with page.attempt():
            page.leadmill().withdraw_invitation(page.actor(), invitation.invitation_id, page.now())
            _done(f"The invitation of {invitation.email} is withdrawn.")


def _done(message: str) -> None:
    page.say_later(message)
    st.rerun()
