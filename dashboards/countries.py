"""Whom each country's law lets us mail, and an admin's decision in place of a rule."""

from __future__ import annotations

import page
import streamlit as st

from leadmill.domain.country_rules import ANY_OTHER_COUNTRY, UNKNOWN_COUNTRY, VERSION, ColdMail
from leadmill.domain.segments import LEGAL_BASES
from leadmill.ports.country_rules import CountryPolicy

COLD_MAIL = {
    ColdMail.CONSENT: "Consent or a contract only",
    ColdMail.OPT_OUT: "Cold mail with an opt-out",
    ColdMail.OPT_OUT_COMPANY: "Cold mail to companies, with an opt-out",
    ColdMail.OPT_OUT_ROLE: "Cold mail where the offer fits the person's role, with an opt-out",
}
SURE = {"B": "read", "C": "second-hand"}


def show() -> None:
    """The table, and the forms to decide otherwise."""
    st.caption(
        f"Version {VERSION} of our reading, which is no legal advice. Leads whose legal basis does not fit their "
        "country's rule are left out of every campaign. Decide otherwise only with a reason that holds: the audit log "
        "keeps it."
    )
    policies = page.leadmill().country_policies()
    st.dataframe([_line(policy) for policy in policies], hide_index=True, width="stretch")
    by_name = {_name(policy): policy for policy in policies}
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Decide otherwise", anchor=False)
        _override(by_name)
    with right:
        st.subheader("Let the rule hold again", anchor=False)
        _restore({name: policy for name, policy in by_name.items() if policy.stored.override_legal_bases is not None})


def _name(policy: CountryPolicy) -> str:
    return {UNKNOWN_COUNTRY: "Country unknown", ANY_OTHER_COUNTRY: "Any other country"}.get(
        policy.stored.country, policy.stored.country
    )


def _line(policy: CountryPolicy) -> dict[str, str]:
    stored = policy.stored
    return {
        "Country": _name(policy),
        "Rule": COLD_MAIL[policy.rule.cold_mail],
        "Source": policy.rule.source,
        "How sure": SURE[policy.rule.sure],
        "Mailed now": _words(policy.accepts),
        "Decided otherwise because": f"{stored.override_reason} ({stored.overridden_by})"
        if stored.overridden_by
        else "",
    }


def _words(bases: tuple[str, ...]) -> str:
    return ", ".join(sorted(basis.replace("_", " ") for basis in bases))


def _override(by_name: dict[str, CountryPolicy]) -> None:
    with st.form("override_country", clear_on_submit=True):
        name = st.selectbox("Country", list(by_name), index=None, placeholder="Choose one", key="country_chosen")
        other = st.text_input("Or another country's code", max_chars=2, placeholder="MX", key="country_other")
        bases = st.multiselect(
            "Legal bases to mail there",
            sorted(LEGAL_BASES),
            format_func=lambda basis: basis.replace("_", " "),
            key="country_bases",
        )
        reason = st.text_input("Reason", max_chars=500, key="country_reason")
        if not st.form_submit_button("Decide", type="primary", key="country_decide"):
            return
        with page.attempt():
            country = other.strip().upper() or (by_name[name].stored.country if name else None)
            if country is None:
                st.error("Choose a country.", icon=":material/error:")
                return
            withdrawn = page.leadmill().override_country_rule(page.actor(), country, bases, page.now(), reason=reason)
            _done(withdrawn)


def _restore(overridden: dict[str, CountryPolicy]) -> None:
    if not overridden:
        st.caption("Every rule holds as it is.")
        return
    with st.form("restore_country"):
        name = st.selectbox("Country", list(overridden), key="country_restored")
        reason = st.text_input("Reason", max_chars=500, key="country_restore_reason")
        if st.form_submit_button("Let the rule hold", key="country_restore"):
            with page.attempt():
                country = overridden[name].stored.country
                _done(page.leadmill().restore_country_rule(page.actor(), country, page.now(), reason=reason))


def _done(withdrawn: int) -> None:
    page.say_later(f"Decided. {withdrawn:,} planned mails were withdrawn." if withdrawn else "Decided.")
    st.rerun()
