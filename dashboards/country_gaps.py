"""Whom the countries' rules leave out of an audience."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from leadmill.domain.country_rules import UNKNOWN_COUNTRY, rule_of
from leadmill.ports.audience import CountryGap


def show(gaps: Iterable[CountryGap]) -> None:
    """By country and legal basis, with each rule's source."""
    st.dataframe(
        [
            {
                "Country": "unknown" if gap.country == UNKNOWN_COUNTRY else gap.country,
                "Legal basis": gap.legal_basis.replace("_", " "),
                "Leads": gap.lead_count,
                "Rule": rule_of(gap.country).source,
            }
            for gap in gaps
        ],
        hide_index=True,
        width="stretch",
    )
