"""Content blocks of a draft: pieces of a mail with a version for each category of leads."""

from __future__ import annotations

from dataclasses import replace

import campaign_audience
import campaign_editing
import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.content_blocks import BLOCKS_LIMIT, ContentBlock

HEIGHT = 120
NO_CATEGORY = "leads without a category"


def edit(state: campaign_editing.Editing) -> None:
    """Edit one block; adding and removing changes the draft at once."""
    blocks = state.draft.blocks
    with st.expander(
        f"Content blocks for categories of leads ({len(blocks)})", icon=":material/view_agenda:", expanded=bool(blocks)
    ):
        st.caption(
            "A block has a name and a version for each category. Put it into subject or body as "
            '`{{ block("intro") }}`, and each lead gets the version of its category.'
        )
        if blocks:
            name = st.selectbox("Block", [block.name for block in blocks], key=key(f"block_of_{len(blocks)}"))
            _edit_block(state, next(block for block in blocks if block.name == name))
        if len(blocks) < BLOCKS_LIMIT:
            _add_block(state)


def _edit_block(state: campaign_editing.Editing, block: ContentBlock) -> None:
    place = f"block_{block.name}_"
    versions = tuple(
        (
            category,
            st.text_area(f"For “{category}”", text, height=HEIGHT, key=key(f"{place}version_{category}")),
        )
        for category, text in block.versions
    )
    has_default = st.checkbox(
        "All other leads get a default version",
        block.default is not None,
        key=key(f"{place}has_default"),
        help="Without it, a lead of any other category gets no mail, and the check before approval says how many.",
    )
    default = None
    if has_default:
        default = st.text_area("For all others", block.default or "", height=HEIGHT, key=key(f"{place}default"))
    changed = replace(block, default=default, versions=versions)
    _put(state, changed)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _add_version(state, changed)
        if versions and st.button("Remove the last version", icon=":material/remove:", key=f"{place}fewer"):
            _put(state, replace(changed, versions=versions[:-1]))
            _start_anew()
        if st.button("Remove this block", icon=":material/delete:", key=f"{place}remove"):
            kept = tuple(b for b in state.draft.blocks if b.name != block.name)
            state.draft = replace(state.draft, blocks=kept)
            _start_anew()


def _add_version(state: campaign_editing.Editing, block: ContentBlock) -> None:
    taken = {category for category, _ in block.versions}
    free = [
        category
        for category in campaign_audience.known_values(page.installation(), "category")
        if category not in taken
    ]
    if not free:
        st.caption("Every category that your leads have is covered.")
        return
    category = st.selectbox("Category", free, key=key(f"block_{block.name}_new_{len(taken)}"))
    if st.button("Add a version for it", icon=":material/add:", key=f"block_{block.name}_add"):
        _put(state, replace(block, versions=(*block.versions, (category, block.default or ""))))
        _start_anew()


def _add_block(state: campaign_editing.Editing) -> None:
    with st.form("new_block", border=False):
        name = st.text_input("Name of a new block", placeholder="intro", max_chars=40, key=key("block_name"))
        if not st.form_submit_button("Add block", icon=":material/add:", key="add_block"):
            return
    block = ContentBlock(name.strip())
    if problems := block.problems():
        st.error(" ".join(problems), icon=":material/error:")
    elif block.name in {b.name for b in state.draft.blocks}:
        st.error("There is a block of that name.", icon=":material/error:")
    else:
        state.draft = replace(state.draft, blocks=(*state.draft.blocks, block))
        _start_anew()


def _put(state: campaign_editing.Editing, block: ContentBlock) -> None:
    blocks = tuple(block if b.name == block.name else b for b in state.draft.blocks)
    state.draft = replace(state.draft, blocks=blocks)


def _start_anew() -> None:
    campaign_editing.start_anew()
    st.rerun()
