"""Files that go with one mail of a draft."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import campaign_editing
import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.attachments import CONTENT_TYPES, AttachedFile, mail_problems, megabytes


def edit(state: campaign_editing.Editing, number: int) -> None:
    """Upload and remove; the store has the bytes at once, the draft keeps the file when it is saved."""
    step = state.draft.steps[number - 1]
    with st.expander(
        f"Attachments of this mail ({len(step.attachments)})",
        icon=":material/attach_file:",
        expanded=bool(step.attachments),
    ):
        limits = page.leadmill().attachment_limits
        st.caption(
            f"One file may have {megabytes(limits.per_file)}, all of one mail {megabytes(limits.per_mail)}. They go "
            "with every variant of this mail. A link to a page reaches more inboxes."
        )
        for file in step.attachments:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f":material/description: {page.plain(describe(file))}")
                if st.button(
                    "Remove", icon=":material/delete:", key=key(f"detach_{number}_{file.sha256[:8]}_{file.name}")
                ):
                    _put(state, number, tuple(f for f in step.attachments if f != file))
        uploaded = st.file_uploader(
            "Add a file",
            type=sorted(CONTENT_TYPES),
            key=key(f"attachment_{number}"),
            max_upload_size=ceil(limits.per_file / 1_000_000),
        )
        if uploaded is not None and st.button("Attach it", type="primary", key=f"attach_{number}"):
            with page.attempt():
                file = page.leadmill().upload_attachment(
                    page.actor(), state.campaign_id, uploaded.name, uploaded.getvalue()
                )
                _attach(state, number, file)


def describe(file: AttachedFile) -> str:
    """A file in a line."""
    return f"{file.name} · {megabytes(file.byte_size)}"


def _attach(state: campaign_editing.Editing, number: int, file: AttachedFile) -> None:
    files = (*(f for f in state.draft.steps[number - 1].attachments if f.name != file.name), file)
    if problems := mail_problems(files, page.leadmill().attachment_limits):
        st.error(" ".join(problems), icon=":material/error:")
        return
    _put(state, number, files)


def _put(state: campaign_editing.Editing, number: int, files: tuple[AttachedFile, ...]) -> None:
    steps = state.draft.steps
    changed = replace(steps[number - 1], attachments=files)
    state.draft = replace(state.draft, steps=(*steps[: number - 1], changed, *steps[number:]))
    campaign_editing.start_anew()
    st.rerun()
