"""Whom each country's law lets us mail, and an admin's decision in place of a rule."""

from __future__ import annotations

from functools import partial

import country_words
import page
import streamlit as st

from leadmill.domain.access import REASON_LIMIT
from leadmill.domain.countries import country_code
from leadmill.domain.country_rules import VERSION, ColdMail
from leadmill.domain.segments import LEGAL_BASES
from leadmill.ports.country_rules import CountryPolicy

COLD_MAIL = {
    ColdMail.CONSENT: "Consent or a contract only",
    ColdMail.OPT_OUT: "Cold mail, with an opt-out",
    ColdMail.OPT_OUT_COMPANY: "Cold mail to companies, with an opt-out",
    ColdMail.OPT_OUT_ROLE: "Cold mail that fits the role, with an opt-out",
}
SURE = {"B": "we read the source", "C": "by others' word"}
SHOWN_COUNTRIES = 14


def show() -> None:
    """The table, and the forms to decide otherwise."""
    st.caption(
        f"Version {VERSION} of our reading, which is no legal advice. Leads whose legal basis does not fit their "
        "country's rule are left out of every campaign. Decide otherwise only with a reason that holds: the audit log "
        "keeps it."
    )
    policies = sorted(page.leadmill().country_policies(), key=_order)
    st.dataframe(
        [_line(policy) for policy in policies],
        hide_index=True,
        width="stretch",
        height=page.table_height(len(policies), SHOWN_COUNTRIES),
        column_config={
            "Country": st.column_config.TextColumn(width=125),
            "What may be mailed": st.column_config.TextColumn(width=275),
            "How sure": st.column_config.TextColumn(width=125),
            "Source": st.column_config.TextColumn(width=490),
        },
    )
    st.caption(
        f"How sure: “{SURE['B']}” means that we read an official text, or a good account of it; “{SURE['C']}” that we "
        "have only other people's summaries, or that these disagree: then the stricter one holds. A double click on a "
        "cell shows all of it."
    )
    by_name = {_name(policy): policy for policy in policies}
    _show_decided(policies)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Decide otherwise", anchor=False)
        _override(by_name)
    with right:
        st.subheader("Let the rule hold again", anchor=False)
        _restore({name: policy for name, policy in by_name.items() if policy.stored.override_legal_bases is not None})


def _name(policy: CountryPolicy) -> str:
    return country_words.of_rule(policy.stored.country)


def _order(policy: CountryPolicy) -> tuple[bool, str]:
    """By name; the rules that are for no single country come last."""
    is_country = country_code(policy.stored.country) is not None
    return not is_country, _name(policy)


def _line(policy: CountryPolicy) -> dict[str, str]:
    decided = policy.stored.override_legal_bases
    return {
        "Country": _name(policy),
        "What may be mailed": COLD_MAIL[policy.rule.cold_mail]
        if decided is None
        else f"Decided: {country_words.bases(decided) or 'nobody'}",
        "How sure": SURE[policy.rule.sure],
        "Source": policy.rule.source,
    }


def _show_decided(policies: list[CountryPolicy]) -> None:
    """Every decision in place of a rule, in full."""
    for policy in policies:
        stored = policy.stored
        if stored.override_legal_bases is not None:
            bases = country_words.bases(stored.override_legal_bases) or "no basis"
            st.info(
                f"**{_name(policy)}** is decided otherwise by {stored.overridden_by}: mailed on {bases}. "
                f"Reason: {page.plain(stored.override_reason)}",
                icon=":material/gavel:",
            )


def _override(by_name: dict[str, CountryPolicy]) -> None:
    part = partial(page.form_part, "override_country")
    with st.form("override_country"):
        name = st.selectbox("Country", list(by_name), index=None, placeholder="Choose one", key=part("country_chosen"))
        other = st.text_input("Or another country's code", max_chars=2, placeholder="MX", key=part("country_other"))
        bases = st.multiselect(
            "Legal bases to mail there",
            sorted(LEGAL_BASES),
            format_func=lambda basis: country_words.LEGAL_BASES[basis],
            key=part("country_bases"),
        )
        reason = st.text_input("Reason", max_chars=REASON_LIMIT, key=part("country_reason"))
        if not st.form_submit_button("Decide", type="primary", key="country_decide"):
            return
        with page.attempt():
            country = other.strip().upper() or (by_name[name].stored.country if name else None)
            if country is None:
                st.error("Choose a country.", icon=":material/error:")
                return
            withdrawn = page.leadmill().override_country_rule(page.actor(), country, bases, page.now(), reason=reason)
            page.empty_form("override_country")
            _done(withdrawn)


def _restore(overridden: dict[str, CountryPolicy]) -> None:
    if not overridden:
        st.caption("Every rule holds as it is.")
        return
    with st.form("restore_country"):
        name = st.selectbox("Country", list(overridden), key="country_restored")
        reason = st.text_input("Reason", max_chars=REASON_LIMIT, key="country_restore_reason")
        if st.form_submit_button("Let the rule hold", key="country_restore"):
            with page.attempt():
                country = overridden[name].stored.country
                _done(page.leadmill().restore_country_rule(page.actor(), country, page.now(), reason=reason))


def _done(withdrawn: int) -> None:
    page.say_later(f"Decided. {withdrawn:,} planned mails were withdrawn." if withdrawn else "Decided.")
    st.rerun()
