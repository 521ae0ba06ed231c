"""The list of leads: search, filters, pages by key."""

from __future__ import annotations

import country_words
import page
import streamlit as st
from country_words import LEGAL_BASES

from leadmill.ports.lead_search import FoundLead, LeadFilter, LeadPage, LeadTotals, PageKey

PAGE_SIZE = 50
COUNT_MOST = 100_000
ORDERS = ("Newest first", "Best score first")


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner=False)
def _totals(_installation: str) -> LeadTotals:
    return page.leadmill().lead_totals()


@st.cache_data(ttl=300, show_spinner="Reading the values to filter by …")
def _values(installation: str) -> dict[str, tuple[str, ...]]:  # noqa: ARG001 - the key of the cache
    return page.leadmill().lead_values()


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner=False)
def _count(installation: str, wanted: LeadFilter) -> int:  # noqa: ARG001 - the key of the cache
    return page.leadmill().count_leads(wanted, most=COUNT_MOST + 1)


def show() -> None:
    """Totals, filters and one page of what they hold."""
    totals = _totals(page.installation())
    if totals.leads == 0:
        st.info(
            "There are no leads yet. Upload a CSV or Excel file under “Upload a file”, or let a system drop files into "
            "`landing/leads/` of the object store.",
            icon=":material/upload_file:",
        )
        return
    _show_totals(totals)
    wanted, by_score = _filters()
    _show_page(wanted, by_score=by_score)


def _show_totals(totals: LeadTotals) -> None:
    all_leads, scored, suppressed = st.columns(3)
    all_leads.metric("Leads", f"{totals.leads:,}", border=True)
    scored.metric(
        "Scored by the model",
        f"{totals.scored:,}",
        border=True,
        help="The others have the base rate, because there is too little history, or wait for the next scoring.",
    )
    suppressed.metric(
        "Never to be mailed",
        f"{totals.suppressed:,}",
        border=True,
        help="Unsubscribed, complained, bounced for good, or put on the list by a person or a file.",
    )


def _filters() -> tuple[LeadFilter, bool]:
    values = _values(page.installation())
    search, order = st.columns([3, 1], vertical_alignment="bottom")
    text = search.text_input(
        "Search", placeholder="Part of an e-mail address, name or company", icon=":material/search:", key="lead_text"
    )
    by_score = order.selectbox("Order", ORDERS, key="lead_order") == ORDERS[1]
    with st.expander("Filters", icon=":material/filter_list:"):
        first, second, third = st.columns(3)
        countries = first.multiselect(
            "Country", values.get("country", ()), format_func=country_words.name_of, key="lead_countries"
        )
        sources = first.multiselect("Source", values.get("source", ()), key="lead_sources")
        industries = second.multiselect("Industry", values.get("industry", ()), key="lead_industries")
        bases = second.multiselect("Legal basis", list(LEGAL_BASES), format_func=LEGAL_BASES.get, key="lead_bases")
        categories = third.multiselect("Category", values.get("category", ()), key="lead_categories")
        low, high = third.slider("Score in %", 0, 100, (0, 100), key="lead_scores")
    wanted = LeadFilter(
        text=text.strip(),
        countries=tuple(countries),
        industries=tuple(industries),
        categories=tuple(categories),
        sources=tuple(sources),
        legal_bases=tuple(bases),
        min_score=low / 100,
        max_score=high / 100,
    )
    return wanted, by_score


def _show_page(wanted: LeadFilter, *, by_score: bool) -> None:
    keys = _keys_of(wanted, by_score=by_score)
    found = page.leadmill().find_leads(page.actor(), wanted, by_score=by_score, after=keys[-1], size=PAGE_SIZE)
    if not found.leads:
        st.info("No lead fits the search. Take a filter away, or search for less.", icon=":material/search_off:")
        return
    _turn_pages(wanted, keys, found, by_score=by_score)
    picked = st.dataframe(
        [_line(lead) for lead in found.leads],
        hide_index=True,
        width="stretch",
        height="content",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Name": st.column_config.TextColumn(width=115),
            "E-mail": st.column_config.TextColumn(width=255),
            "Company": st.column_config.TextColumn(width=115),
            "Job title": st.column_config.TextColumn(width=115),
            "Country": st.column_config.TextColumn(width=100),
            "Score": st.column_config.NumberColumn("Score", format="%.1f %%", width=65),
            "Score from": st.column_config.TextColumn(width=80),
            "Legal basis": st.column_config.TextColumn(width=118),
            "Mailed": st.column_config.TextColumn(
                width=60, help="Whether this lead may be mailed; “never” is on the list of those never to be mailed."
            ),
        },
        key=f"lead_table_{len(keys)}",
    )
    st.caption("Choose a line by its box at the left to see everything about that lead.")
    if picked.selection.rows:
        st.query_params["lead"] = str(found.leads[picked.selection.rows[0]].lead_id)
        st.rerun()


def _keys_of(wanted: LeadFilter, *, by_score: bool) -> list[PageKey | None]:
    """The keys of the pages up to the one shown; another filter or order starts again at the first."""
    state = st.session_state.get("lead_pages")
    if state is None or state[0] != (wanted, by_score):
        state = ((wanted, by_score), [None])
        st.session_state["lead_pages"] = state
    return state[1]


def _turn_pages(wanted: LeadFilter, keys: list[PageKey | None], found: LeadPage, *, by_score: bool) -> None:
    count = _count(page.installation(), wanted)
    first = (len(keys) - 1) * PAGE_SIZE + 1
    total = f"more than {COUNT_MOST:,}" if count > COUNT_MOST else f"{count:,}"
    said, back, on = st.columns([6, 1, 1], vertical_alignment="center")
    note = " · leads without a score are not in this order" if by_score else ""
    said.markdown(f"**{first:,}-{first + len(found.leads) - 1:,}** of {total} leads{note}")
    if back.button("Back", disabled=len(keys) == 1, width="stretch", key="leads_back"):
        keys.pop()
        st.rerun()
    if on.button("Next", disabled=found.next_key is None, width="stretch", key="leads_next"):
        keys.append(found.next_key)
        st.rerun()


def _line(lead: FoundLead) -> dict[str, object]:
    return {
        "Name": f"{lead.first_name} {lead.last_name}".strip() or "no name",
        "E-mail": lead.email,
        "Company": lead.company,
        "Job title": lead.job_title,
        "Country": country_words.name_of(lead.country),
        "Score": None if lead.probability is None else lead.probability * 100,
        "Score from": "not yet scored" if lead.probability is None else "base rate" if lead.is_base_rate else "model",
        "Legal basis": LEGAL_BASES.get(lead.legal_basis, lead.legal_basis),
        "Mailed": "never" if lead.is_suppressed else "may be",
    }
