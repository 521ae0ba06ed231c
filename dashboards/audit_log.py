"""Who changed what, when and why."""

from __future__ import annotations

import page
import senders
import streamlit as st

from leadmill.ports.audit import AuditEntry

EVERYTHING = "everything"
SIZES = (100, 300, 1000)


def show() -> None:
    """The newest entries, of everything or of one kind of subject."""
    kinds = page.leadmill().audited_kinds(page.actor())
    choose, size = st.columns([3, 1])
    kind = choose.selectbox(
        "About", [EVERYTHING, *kinds], format_func=lambda kind: kind.replace("_", " "), key="audit_kind"
    )
    limit = size.selectbox("Newest", SIZES, key="audit_limit")
    entries = page.leadmill().audit_entries(page.actor(), limit=limit, subject_kind="" if kind == EVERYTHING else kind)
    if not entries:
        st.caption("Nothing was changed yet.")
        return
    names = _names()
    st.dataframe(
        [_line(entry, names) for entry in entries],
        hide_index=True,
        width="stretch",
        height=page.table_height(len(entries), 18),
        column_config={
            "When": st.column_config.TextColumn(width=165),
            "Who": st.column_config.TextColumn(width=170),
            "Did": st.column_config.TextColumn(width=140),
            "To": st.column_config.TextColumn(width=180),
            "Reason": st.column_config.TextColumn(width=150),
        },
    )
    st.caption("Entries are written in the transaction of the change itself, and nothing changes or deletes them.")


def _names() -> dict[tuple[str, str], str]:
    """Names of what the log knows by number."""
    campaigns = {("campaign", str(each.campaign_id)): each.name for each in page.leadmill().campaigns()}
    return campaigns | {("pool", str(each.pool_id)): each.name for each in page.leadmill().pools()}


def _subject(entry: AuditEntry, names: dict[tuple[str, str], str]) -> str:
    kind = entry.subject_kind.replace("_", " ")
    if name := names.get((entry.subject_kind, entry.subject_id)):
        return f"{kind} “{name}”"
    return f"{kind} no. {entry.subject_id}" if entry.subject_id.isdigit() else entry.subject_id


def _line(entry: AuditEntry, names: dict[tuple[str, str], str]) -> dict[str, object]:
    return {
        "When": senders.moment(entry.at),
        "Who": entry.actor,
        "Did": entry.action.replace(".", ": ").replace("_", " "),
        "To": _subject(entry, names),
        "Reason": entry.reason,
        "Details": ", ".join(f"{name}: {_words(value)}" for name, value in entry.details.items()),
    }


def _words(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_words(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return " ".join(_words(part) for part in value) or "none"
    return "none" if value is None else str(value)
