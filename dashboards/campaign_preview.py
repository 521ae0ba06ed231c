"""A mail as one lead would get it: HTML in a sealed frame, text, headers."""

from __future__ import annotations

import html

import campaign_audience
import page
import streamlit as st

from leadmill.domain.attachments import megabytes
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import TemplateInvalid
from leadmill.ports.content import PreviewNotes

HEIGHT = 460
"""Of the frame, in pixels."""
_POLICY = "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; font-src https: data:"


def show(draft: CampaignDraft, step: int, label: str) -> None:
    """Choose a lead and see the mail."""
    leads = campaign_audience.samples(page.installation(), draft.segment)
    if not leads:
        st.info(
            "There is no lead to preview with: the audience is empty. Widen it under Audience.",
            icon=":material/group_off:",
        )
        return
    names = {lead.lead_id: " · ".join(filter(None, (lead.name or "no name", lead.company))) for lead in leads}
    lead_id = st.selectbox("Preview as", list(names), format_func=names.get, key="preview_lead")
    with page.attempt():
        try:
            message = page.leadmill().preview_message(draft, step, label, lead_id)
        except TemplateInvalid as error:
            said = str(error).replace(f", lead {lead_id}:", ", for this lead:")  # which one is chosen right above
            st.error(said, icon=":material/error:")
            return
        _show_message(message)
        _show_notes(page.leadmill().preview_notes(draft, step, label, lead_id))


def _show_message(message: OutgoingMessage) -> None:
    st.markdown(f"**Subject:** {page.plain(message.subject)}")
    st.caption(f"From {page.plain(message.sender_name)} · {page.plain(message.sender_address)}")
    rendered, text, headers = st.tabs(["HTML", "Text", "Headers"])
    for attached in message.frame.attachments:
        st.caption(f":material/attach_file: {page.plain(attached.name)} · {megabytes(len(attached.content))}")
    with rendered:
        st.iframe(sealed(message.html), height=HEIGHT + 4)
        st.caption("As a preview: links are not tracked and the unsubscribe link acts for nobody.")
    with text:
        st.code(message.text, language=None, wrap_lines=True, height=HEIGHT)
    with headers:
        st.dataframe(
            [
                {"Header": name, "Value": value}
                for name, value in (
                    ("From", f"{message.sender_name} <{message.sender_address}>"),
                    ("To", message.recipient),
                    ("Subject", message.subject),
                    ("Message-ID", message.message_id),
                    *message.headers,
                )
            ],
            hide_index=True,
            width="stretch",
        )


def _show_notes(notes: PreviewNotes) -> None:
    """What this lead's mail owes to its category and to what is missing."""
    for name, text in notes.fallbacks.items():
        st.caption(f":material/format_shapes: {name} is missing; the fallback “{page.plain(text)}” stands in.")
    for name, category in notes.blocks.items():
        version = f"the version for “{page.plain(category)}”" if category else "the default version"
        st.caption(f":material/view_agenda: The block {name} shows {version}.")


def sealed(mail: str) -> str:
    """A page that holds nothing but a frame with the mail: no script of it runs, and it reaches nothing of ours.

    Streamlit's own frame shares our origin and runs scripts, so the mail sits in a second one whose empty `sandbox`
    forbids both; the policy inside forbids what the sandbox does not.
    """
    policed = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">{mail}'
    return (
        '<!doctype html><html><body style="margin:0">'
        f'<iframe title="The mail" sandbox="" referrerpolicy="no-referrer" srcdoc="{html.escape(policed, quote=True)}" '
        f'style="width:100%;height:{HEIGHT}px;border:1px solid #DDE3EA;border-radius:6px;box-sizing:border-box;'
        'background:#fff"></iframe></body></html>'
    )
