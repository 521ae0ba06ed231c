"""Replies of mail servers and provider APIs whose codes no table of ours knows yet."""

from __future__ import annotations

import page
import senders
import streamlit as st


def show() -> None:
    """Each unknown code with how often and when it was seen."""
    found = page.leadmill().unknown_replies()
    st.caption(
        "Codes that no rule of ours knows: a mail server's 4xx was tried again later; its 5xx, and what an API said, "
        "counted as a refusal of that one mail. "
        "Look the code up at the provider, and have it added to the table."
    )
    if not found:
        st.info("Every reply so far was one that the table knows.")
        return
    st.dataframe(
        [
            {
                "Answered by": reply.provider,
                "Code": reply.code,
                "Times": reply.replies,
                "First": senders.moment(reply.first_seen_at),
                "Last": senders.moment(reply.last_seen_at),
            }
            for reply in found
        ],
        hide_index=True,
        width="stretch",
    )
