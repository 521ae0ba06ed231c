"""Whom the countries' rules leave out of an audience."""

from __future__ import annotations

from collections.abc import Iterable

import country_words
import streamlit as st

from leadmill.domain.country_rules import rule_of
from leadmill.ports.audience import CountryGap


def show(gaps: Iterable[CountryGap]) -> None:
    """By country and legal basis, with each rule's source."""
    st.dataframe(
        [
            {
                "Country": country_words.of_rule(gap.country),
                "Legal basis": country_words.bases([gap.legal_basis]),
                "Leads": gap.lead_count,
                "Rule": rule_of(gap.country).source,
            }
            for gap in gaps
        ],
        hide_index=True,
        width="stretch",
    )
