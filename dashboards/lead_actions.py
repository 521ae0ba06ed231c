"""What people do to one lead: never mail them again, let them come back, or erase them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import page
import streamlit as st

from leadmill.domain.access import REASON_LIMIT, Role

ERASE_WORD = "ERASE"
WHAT_LIFTING_DOES = (
    "For somebody who wants your mails again. What they said until now bars them no more; what they say later does. "
    "Mails that were withdrawn stay so: new campaigns mail this person. The audit log keeps reason and proof."
)
WHAT_ERASING_DOES = (
    "Empties this person's record, score and hours for good, and withdraws their planned mails. What stays is a keyed "
    "hash of the address, so that they can never be imported or mailed again, and numbers without a name in campaigns. "
    "Raw files in the store's landing zone are kept until their retention ends and are not touched."
)


def show(lead: Mapping[str, Any]) -> None:
    """The actions that the role allows; none for viewers."""
    role = page.actor().role
    if role is Role.VIEWER:
        return
    with st.container(horizontal=True):
        if not lead["suppressed_for"]:
            _suppress(lead["lead_id"])
        elif role is Role.ADMIN:
            _lift(lead["lead_id"])
        if role is Role.ADMIN:
            _erase(lead["lead_id"])


def _suppress(lead_id: int) -> None:
    with st.popover("Never mail again", icon=":material/block:"):
        st.caption("No campaign mails this person any more; their planned mails are withdrawn.")
        reason = st.text_input("Reason", placeholder="Asked us by phone", max_chars=REASON_LIMIT, key="suppress_reason")
        if st.button("Never mail this person again", type="primary", key="suppress_lead"):
            with page.attempt():
                done = page.leadmill().suppress_person(page.actor(), lead_id=lead_id, reason=reason, as_of=page.now())
                st.session_state.pop("suppress_reason", None)
                said = f"No campaign mails this person any more. Planned mails withdrawn: {done.withdrawn}."
                page.say_later(said + page.in_hand(lead_id=lead_id))
                st.rerun()


def _lift(lead_id: int) -> None:
    with st.popover("Let them come back", icon=":material/undo:"):
        st.caption(WHAT_LIFTING_DOES)
        reason = st.text_input(
            "Reason", placeholder="Wrote that they want our news again", max_chars=REASON_LIMIT, key="lift_reason"
        )
        proof = st.text_input(
            "Proof",
            placeholder="Sign-up form of 3 May, double opt-in confirmed",
            max_chars=REASON_LIMIT,
            key="lift_proof",
        )
        if st.button("Mail this person again", type="primary", key="lift_suppression"):
            with page.attempt():
                page.leadmill().lift_suppression(
                    page.actor(), lead_id=lead_id, reason=reason, proof=proof, as_of=page.now()
                )
                for name in ("lift_reason", "lift_proof"):
                    st.session_state.pop(name, None)
                page.say_later("New campaigns may mail this person again.")
                st.rerun()


def _erase(lead_id: int) -> None:
    with st.popover("Erase this person", icon=":material/person_remove:"):
        st.caption(WHAT_ERASING_DOES)
        reason = st.text_input(
            "Reason", placeholder="Asked to be erased by letter", max_chars=REASON_LIMIT, key="erase_reason"
        )
        typed = st.text_input(f"Type {ERASE_WORD} to confirm; this cannot be undone", key="erase_typed")
        if st.button("Erase for good", type="primary", disabled=typed.strip() != ERASE_WORD, key="erase_lead"):
            with page.attempt():
                done = page.leadmill().erase_person(page.actor(), lead_id=lead_id, reason=reason, as_of=page.now())
                for name in ("erase_reason", "erase_typed"):
                    st.session_state.pop(name, None)
                said = f"The person is erased. Planned mails withdrawn: {done.withdrawn}."
                page.say_later(said + page.in_hand(lead_id=lead_id))
                del st.query_params["lead"]
                st.rerun()
