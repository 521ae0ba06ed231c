"""The audience of a draft: filters, and live counts of who will be mailed and who is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import campaign_contacts
import campaign_words
import country_gaps
import country_words
import lead_list
import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.segments import Segment
from leadmill.domain.template_fields import LEAD_COLUMNS
from leadmill.ports.audience import AudiencePreview, CountryGap, SampleLead

FILES_OFFERED = 100
SAMPLES_SHOWN = 8


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner="Counting leads …")
def preview(installation: str, draft: CampaignDraft) -> AudiencePreview:  # noqa: ARG001 - the cache's key
    """Counts of a draft that holds nothing but its audience, at most a few seconds old."""
    return page.leadmill().audience_of(draft, page.now())


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner=False)
def samples(installation: str, segment: Segment, limit: int = 10) -> list[SampleLead]:  # noqa: ARG001 - the cache's key
    """A few leads of a segment, at most a few seconds old."""
    return page.leadmill().sample_leads(segment, limit)


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner=False)
def _country_gaps(installation: str, segment: Segment, pool_id: int | None) -> tuple[CountryGap, ...]:  # noqa: ARG001 - the cache's key
    return page.leadmill().country_gaps(segment, pool_id)


def edit(draft: CampaignDraft) -> CampaignDraft:
    """Filters at the left, what they come to at the right; returns the draft as it is now."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        pool_id = _choose_pool(draft)
        segment = _filters(draft.segment)
        draft = campaign_contacts.edit(draft)
    changed = replace(draft, pool_id=pool_id, segment=segment)
    with right:
        problems = segment.problems()
        if problems:
            st.error(" ".join(problems), icon=":material/error:")
        else:
            show_counts(changed)
    return changed


def _choose_pool(draft: CampaignDraft) -> int | None:
    pools = {pool.pool_id: pool for pool in page.leadmill().pools()}
    if not pools:
        st.warning(
            "No pool of mailboxes is set up yet, so nothing could be sent. An admin adds one under Organisation.",
            icon=":material/warning:",
        )
        return None
    chosen: int | None = st.selectbox(
        "Send through",
        list(pools),
        format_func=lambda i: f"{pools[i].name} ({pools[i].active_mailbox_count} mailboxes)",
        placeholder="Choose a pool of mailboxes",
        index=list(pools).index(draft.pool_id) if draft.pool_id in pools else None,
        key=key("pool"),
    )
    if chosen is not None:
        bases = ", ".join(lead_list.LEGAL_BASES.get(b, b).lower() for b in pools[chosen].accepts_legal_bases)
        st.caption(f"This pool mails leads by: {bases or 'no legal basis at all'}.")
    return chosen


@st.cache_data(ttl=300, show_spinner="Reading the values to filter by …")
def _values(installation: str) -> dict[str, tuple[str, ...]]:  # noqa: ARG001 - the key of the cache
    return page.leadmill().lead_values()


def known_values(installation: str, field: str) -> tuple[str, ...]:
    """What leads have in a field, the commonest first."""
    return _values(installation).get(field, ())


def _pick(label: str, options: tuple[str, ...] | list[str], chosen: tuple[str, ...], name: str) -> tuple[str, ...]:
    """A choice of several; what is chosen stays offered although no lead has it any more."""
    offered = [*options, *(value for value in chosen if value not in options)]
    return tuple(st.multiselect(label, offered, default=list(chosen), key=key(name), placeholder="Any"))


def _filters(segment: Segment) -> Segment:
    values = _values(page.installation())
    text = st.text_input(
        "Search",
        placeholder="Part of a name, company, job title, city or e-mail domain",
        icon=":material/search:",
        max_chars=200,
        value=segment.text,
        key=key("text"),
    )
    first, second = st.columns(2)
    with first:
        countries = _pick("Countries", values.get("country", ()), segment.countries, "countries")
        categories = _pick("Categories", values.get("category", ()), segment.categories, "categories")
        bases = tuple(
            st.multiselect(
                "Legal bases",
                list(lead_list.LEGAL_BASES),
                format_func=lead_list.LEGAL_BASES.get,
                default=list(segment.legal_bases),
                key=key("bases"),
                placeholder="Any",
            )
        )
    with second:
        industries = _pick("Industries", values.get("industry", ()), segment.industries, "industries")
        sources = _pick("Sources", values.get("source", ()), segment.sources, "sources")
        low, high = _scores(segment)
    found = replace(
        segment,
        text=text.strip(),
        countries=countries,
        categories=categories,
        legal_bases=bases,
        industries=industries,
        sources=sources,
        min_score=low,
        max_score=high,
    )
    return _further_filters(found)


def _scores(segment: Segment) -> tuple[float | None, float | None]:
    stored = (
        round(100 * (segment.min_score or 0)),
        round(100 * (1 if segment.max_score is None else segment.max_score)),
    )
    low, high = st.slider("Score in %", 0, 100, stored, key=key("scores"))
    return (low / 100 if low else None, high / 100 if high < 100 else None)  # noqa: PLR2004 - the slider's end


def _further_filters(segment: Segment) -> Segment:
    files = {f["lead_file_id"]: f"{f['file_name']} ({f['started_at']:%d %b %Y})" for f in _files(page.installation())}
    campaigns = {c.campaign_id: c.name for c in page.leadmill().campaigns()}
    with st.expander("Company size, files, and whom to leave out", icon=":material/tune:"):
        fewest, most = st.columns(2)
        low = fewest.number_input("Employees, at least", 0, None, segment.min_employees, 1, key=key("fewest"))
        high = most.number_input("Employees, at most", 0, None, segment.max_employees, 1, key=key("most"))
        within = _pick_ids("Only leads of these files", files, segment.lead_file_ids, "files")
        without = _pick_ids("Leave out leads of these files", files, segment.exclude_lead_file_ids, "files_out")
        mailed = _pick_ids(
            "Leave out leads of these campaigns", campaigns, segment.exclude_campaign_ids, "campaigns_out"
        )
        lacking = _pick("Leave out leads without", LEAD_COLUMNS, segment.exclude_without, "without")
        apart = _pick_categories(segment)
    return replace(
        segment,
        exclude_without=lacking,
        exclude_categories=apart,
        min_employees=low,
        max_employees=high,
        lead_file_ids=within,
        exclude_lead_file_ids=without,
        exclude_campaign_ids=mailed,
    )


def _pick_categories(segment: Segment) -> tuple[str, ...]:
    """Categories to leave out; "" stands for leads that have none."""
    offered = dict.fromkeys(("", *known_values(page.installation(), "category"), *segment.exclude_categories))
    return tuple(
        st.multiselect(
            "Leave out leads of these categories",
            list(offered),
            format_func=lambda category: category or "no category",
            default=list(segment.exclude_categories),
            key=key("categories_out"),
            placeholder="None chosen",
        )
    )


@st.cache_data(ttl=60, show_spinner=False)
def _files(installation: str) -> list[dict[str, Any]]:  # noqa: ARG001 - the key of the cache
    return page.leadmill().lead_files(limit=FILES_OFFERED)


def _pick_ids(label: str, names: dict[int, str], chosen: tuple[int, ...], name: str) -> tuple[int, ...]:
    """A choice of several things by their names; an older one that is chosen stays offered."""
    offered = [*names, *(i for i in chosen if i not in names)]
    return tuple(
        st.multiselect(
            label,
            offered,
            format_func=lambda i: names.get(i, "an older one"),
            default=list(chosen),
            key=key(name),
            placeholder="None chosen",
        )
    )


def show_counts(draft: CampaignDraft) -> None:
    """Who matches, who will be mailed, who is left out for which reason, and a few of them."""
    asked = CampaignDraft("", pool_id=draft.pool_id, segment=draft.segment, contacts=draft.contacts)
    counts = preview(page.installation(), asked)
    left, right = st.columns(2)
    left.metric("Match the filters", f"{counts.matched:,}", border=True)
    right.metric("Will be mailed", f"{counts.will_be_mailed:,}", border=True)
    if not counts.matched:
        st.info("No lead fits these filters. Take one away, or import leads first.", icon=":material/search_off:")
        return
    reasons = [(reason, count) for reason, count in counts.left_out.items() if count]
    if reasons:
        st.markdown("**Left out**")
        for reason, count in reasons:
            st.markdown(f"**{count:,}** · {campaign_words.LEFT_OUT.get(reason, reason.replace('_', ' '))}")
        if counts.left_out.get("policy_country"):
            with st.expander("Which countries, and why", icon=":material/gavel:"):
                country_gaps.show(_country_gaps(page.installation(), draft.segment, draft.pool_id))
    else:
        st.caption("Nobody is left out.")
    campaign_contacts.show_counts(draft, counts)
    st.markdown("**Some who match the filters**")
    st.dataframe(
        [
            {
                "Name": lead.name or "no name",
                "Company": lead.company,
                "Country": country_words.name_of(lead.country),
                "Category": lead.category,
            }
            for lead in samples(page.installation(), draft.segment)[:SAMPLES_SHOWN]
        ],
        hide_index=True,
        width="stretch",
        column_config={
            "Name": st.column_config.TextColumn(width=115),
            "Company": st.column_config.TextColumn(width=115),
            "Country": st.column_config.TextColumn(width=85),
            "Category": st.column_config.TextColumn(width=65),
        },
    )
