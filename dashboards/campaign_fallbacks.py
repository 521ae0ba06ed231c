"""Fallbacks of a draft: what stands in the mail of a lead that lacks a variable."""

from __future__ import annotations

from dataclasses import replace

import campaign_editing
import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.template_fields import FALLBACK_LENGTH_LIMIT


def edit(state: campaign_editing.Editing) -> None:
    """One text for each variable that the content reads."""
    known = dict(state.draft.fallbacks)
    with st.expander(f"Fallbacks for missing fields ({len(known)})", icon=":material/format_shapes:"):
        st.caption(
            "What stands in the mail where a lead lacks the field and the template gives no default of its own. "
            "Without either, such a lead gets no mail."
        )
        variables = sorted({*page.leadmill().template_fields(state.draft).names, *known})
        if not variables:
            st.caption("The content uses no fields of leads.")
        texts = {
            name: st.text_input(
                name,
                known.get(name, ""),
                max_chars=FALLBACK_LENGTH_LIMIT,
                placeholder="none",
                key=key(f"fallback_{name}"),
            ).strip()
            for name in variables
        }
        state.draft = with_fallbacks(state.draft, texts)


def with_fallbacks(draft: CampaignDraft, texts: dict[str, str]) -> CampaignDraft:
    """The draft with these fallbacks added or changed; an empty text takes one away."""
    merged = {**dict(draft.fallbacks), **texts}
    return replace(draft, fallbacks=tuple(sorted((name, text) for name, text in merged.items() if text)))
