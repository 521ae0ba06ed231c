"""The content of a draft: steps, variants, subject, HTML and text, with a preview beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from string import ascii_uppercase
from typing import TypeVar

import campaign_attachments
import campaign_blocks
import campaign_editing
import campaign_fallbacks
import campaign_preview
import campaign_templates
import campaign_words
import streamlit as st
from campaign_editing import key

from leadmill.domain.campaigns import STEPS_LIMIT, VARIANTS_LIMIT, CampaignDraft, Step, Variant
from leadmill.domain.threads import earlier_subject, reply_subject

T = TypeVar("T", int, str)
DELAY_DAYS = 3


def edit(state: campaign_editing.Editing) -> None:
    """Edit one variant of one step; structural buttons change the draft at once."""
    draft = state.draft
    if not draft.steps:
        st.info("This campaign has no mail yet.", icon=":material/mail:")
        if st.button("Write the first mail", type="primary", key="first_step"):
            _restructure(state, (Step((Variant("A", "", ""),)),))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        step = _choose_step(draft)
        _mail_buttons(state, step)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _choose_variant(draft, step)
        _variant_buttons(state, step, label)
    left, right = st.columns([1, 1], gap="large")
    with left:
        _edit_variant(state, step, label)
        campaign_blocks.edit(state)
        campaign_fallbacks.edit(state)
        campaign_attachments.edit(state, step)
        _show_help()
    with right:
        campaign_preview.show(state.draft, step, label)


def choose(draft: CampaignDraft) -> tuple[int, str]:
    """Which mail is on the desk."""
    step = _choose_step(draft)
    return step, _choose_variant(draft, step)


def _choose_variant(draft: CampaignDraft, step: int) -> str:
    labels = [variant.label for variant in draft.steps[step - 1].variants]
    return str(_choose("Variant (each lead gets one of them)", labels, "variant"))


def _choose_step(draft: CampaignDraft) -> int:
    """Which step of the sequence."""
    return _choose("Mail", list(range(1, len(draft.steps) + 1)), "step", campaign_words.mail_name)


def _choose(label: str, options: list[T], name: str, words: Callable[[T], str] | None = None) -> T:
    """One of some; what was chosen last, where it is still there."""
    last = st.session_state.get(f"desk_{name}")
    default = last if last in options else options[0]
    # The options are part of the key: a choice that is gone must not linger in the browser.
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        format_func=words or str,
        required=True,
        key=key(f"{name}_{len(options)}_{options[-1]}"),
    )
    st.session_state[f"desk_{name}"] = chosen
    return chosen or default


def _edit_variant(state: campaign_editing.Editing, step: int, label: str) -> None:
    variants = state.draft.steps[step - 1].variants
    old = next(variant for variant in variants if variant.label == label)
    place = f"content_{step}_{label}_"
    subject = _edit_subject(state.draft, step, old, place)
    html, text = st.tabs(["HTML", "Text"])
    body = html.text_area(
        "HTML", height=380, value=old.body_html, key=key(f"{place}html"), label_visibility="collapsed"
    )
    plain = text.text_area(
        "Text",
        height=380,
        value=old.body_text,
        key=key(f"{place}text"),
        label_visibility="collapsed",
        placeholder="Empty: made from the HTML.",
    )
    weight = old.weight
    if len(variants) > 1:
        weight = st.number_input(
            "Weight", 0.1, 100.0, float(old.weight), step=0.5, key=key(f"{place}weight"), help=_weight_help(variants)
        )
    _put(state, step, replace(old, subject=subject, body_html=body, body_text=plain, weight=weight))


def _edit_subject(draft: CampaignDraft, step: int, old: Variant, place: str) -> str:
    """Its own subject, or an empty one: then a follow-up carries on the subject of the mail before."""
    before = earlier_subject(draft, step, old.label)
    carries_on = bool(before) and st.toggle(
        "Carry on the conversation: “Re:” and the subject of the mail before",
        value=not old.subject.strip(),
        key=key(f"{place}carries_on"),
        help="Mail programs then show this mail beneath the one before, as a reminder and not as a second first mail.",
    )
    if carries_on:
        st.text_input("Subject", value=reply_subject(before), disabled=True, key=key(f"{place}subject_before"))
        return ""
    own = st.text_input("Subject", max_chars=500, value=old.subject, key=key(f"{place}subject"))
    if before and not own.strip():
        st.caption("Without a subject of its own this mail carries on the one before.")
    return own


def _weight_help(variants: tuple[Variant, ...]) -> str:
    total = sum(variant.weight for variant in variants)
    shares = ", ".join(f"{variant.label} {variant.weight / total:.0%}" for variant in variants)
    return f"The share of leads that get this variant, in proportion to the others. Now: {shares}."


def _put(state: campaign_editing.Editing, step: int, variant: Variant) -> None:
    old = state.draft.steps[step - 1]
    variants = tuple(variant if v.label == variant.label else v for v in old.variants)
    state.draft = replace(state.draft, steps=_with_step(state.draft.steps, step, replace(old, variants=variants)))


def _with_step(steps: tuple[Step, ...], number: int, step: Step) -> tuple[Step, ...]:
    return (*steps[: number - 1], step, *steps[number:])


def _restructure(state: campaign_editing.Editing, steps: tuple[Step, ...]) -> None:
    """Put the sequence anew; editors start from it."""
    state.draft = replace(state.draft, steps=steps)
    campaign_editing.start_anew()
    st.rerun()


def _mail_buttons(state: campaign_editing.Editing, step: int) -> None:
    steps = state.draft.steps
    if len(steps) < STEPS_LIMIT and st.button("Add follow-up", icon=":material/forward_to_inbox:", key="add_step"):
        follow_up = Variant("A", "", campaign_templates.SAMPLES["Follow-up"][1])
        _restructure(state, (*steps, Step((follow_up,), delay_days=DELAY_DAYS)))
    if len(steps) > 1 and st.button("Remove this mail", icon=":material/delete:", key="remove_step"):
        kept = (*steps[: step - 1], *steps[step:])
        _restructure(state, (replace(kept[0], delay_days=0), *kept[1:]))


def _variant_buttons(state: campaign_editing.Editing, step: int, label: str) -> None:
    steps = state.draft.steps
    variants = steps[step - 1].variants
    variant = next(v for v in variants if v.label == label)

    def put(changed: tuple[Variant, ...]) -> None:
        _restructure(state, _with_step(steps, step, replace(steps[step - 1], variants=changed)))

    if len(variants) < VARIANTS_LIMIT and st.button("Add variant", icon=":material/call_split:", key="add_variant"):
        free = next(letter for letter in ascii_uppercase if letter not in {v.label for v in variants})
        put((*variants, replace(variant, label=free)))
    if len(variants) > 1 and st.button("Remove variant", icon=":material/remove:", key="remove_variant"):
        put(tuple(v for v in variants if v.label != label))
    with st.popover("Insert a sample", icon=":material/draft:"):
        name = st.selectbox("Sample", list(campaign_templates.SAMPLES), key="sample_name")
        st.caption("Replaces this variant's subject and HTML.")
        if st.button("Insert", type="primary", key="insert_sample"):
            subject, body = campaign_templates.SAMPLES[name]
            filled = replace(variant, subject=subject, body_html=body, body_text="")
            put(tuple(filled if v.label == label else v for v in variants))


def _show_help() -> None:
    with st.expander("Variables, conditions and filters", icon=":material/data_object:"):
        st.markdown(campaign_templates.HELP)
        st.dataframe(
            [{"Variable": names, "Meaning": meaning} for names, meaning in campaign_templates.VARIABLES],
            hide_index=True,
            width="stretch",
        )
