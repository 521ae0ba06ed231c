"""Who is behind the mails, and which legal bases each pool of mailboxes may mail."""

from __future__ import annotations

from collections.abc import Iterable

import page
import senders
import streamlit as st

from leadmill.domain.access import REASON_LIMIT
from leadmill.domain.segments import LEGAL_BASES
from leadmill.domain.sending_policy import DEFAULT_POLICY, default_legal_bases
from leadmill.ports.sending_identity import PoolCapacity

BASES = sorted(LEGAL_BASES)
OVERRIDE = (
    "Needed only for a policy wider than the provider's terms. Mail services ask for recipients who agreed; "
    "the audit log keeps the reason."
)


def show_organisation() -> None:
    """Name, postal address and website: they stand in every mail."""
    known = page.leadmill().organisation()
    if known is None:
        st.info("No campaign can be approved before this is filled in.", icon=":material/info:")
    with st.form("organisation"):
        name = st.text_input("Name", known.name if known else "", key="organisation_name")
        address = st.text_area(
            "Postal address",
            known.postal_address if known else "",
            key="organisation_address",
            height=100,
            help="CAN-SPAM asks for it in every commercial mail.",
        )
        website = st.text_input("Website", known.website if known else "", key="organisation_website")
        if st.form_submit_button("Save", type="primary"):
            with page.attempt():
                page.leadmill().set_organisation(page.actor(), name, address, page.now(), website=website.strip())
                page.say_later("Saved. Mails that go out from now on say so.")
                st.rerun()


def show_pools() -> None:
    """Every pool with what it may mail and can send; changing a policy, making a pool."""
    found = page.leadmill().pools()
    if found:
        st.dataframe([_line(pool) for pool in found], hide_index=True, width="stretch")
    else:
        st.info("There is no pool yet. A mailbox needs one.", icon=":material/info:")
    by_name = {pool.name: pool for pool in found}
    change, make = st.columns(2, gap="large")
    with change:
        st.subheader("Change a pool's policy", anchor=False)
        chosen = st.selectbox("Pool", [*by_name], index=None, placeholder="Choose a pool", key="pool_chosen")
        if chosen:
            _change_policy(by_name[chosen])
    with make:
        st.subheader("Make a pool", anchor=False)
        _make_pool(set(by_name))


def _line(pool: PoolCapacity) -> dict[str, object]:
    return {
        "Pool": pool.name,
        "Mails leads by": _words(pool.accepts_legal_bases),
        "Beyond the terms because": pool.override_reason,
        "Mailboxes": pool.mailbox_count,
        "Active": pool.active_mailbox_count,
        "Mails a day": pool.daily_capacity,
        "Through": ", ".join(senders.PROVIDERS.get(name, name) for name in pool.providers),
    }


def _word(legal_basis: str) -> str:
    return legal_basis.replace("_", " ")


def _words(legal_bases: Iterable[str]) -> str:
    return ", ".join(_word(basis) for basis in legal_bases)


def _change_policy(pool: PoolCapacity) -> None:
    allowed = _words(sorted(default_legal_bases(pool.providers)))
    with st.form(f"policy_{pool.pool_id}"):
        bases = st.multiselect(
            "Legal bases it may mail",
            BASES,
            list(pool.accepts_legal_bases),
            format_func=_word,
            key=f"policy_bases_{pool.pool_id}",
        )
        reason = st.text_input(
            "Reason", pool.override_reason, help=OVERRIDE, key=f"policy_reason_{pool.pool_id}", max_chars=REASON_LIMIT
        )
        st.caption(f"Its providers' terms permit {allowed}. Planned mails to leads on another basis are withdrawn.")
        if st.form_submit_button("Change policy", type="primary"):
            with page.attempt():
                page.leadmill().set_pool_policy(page.actor(), pool.pool_id, bases, page.now(), override_reason=reason)
                page.say_later(f"Pool {pool.name} mails leads by {_words(bases)} now.")
                st.rerun()


def _make_pool(known: set[str]) -> None:
    with st.form("make_pool"):
        name = st.text_input("Name", key="pool_name", placeholder="newsletter")
        provider = st.selectbox(
            "For mailboxes of",
            sorted(DEFAULT_POLICY),
            format_func=lambda name: senders.PROVIDERS.get(name, name),
            key="pool_provider",
        )
        bases = st.multiselect(
            "Legal bases it may mail",
            BASES,
            format_func=_word,
            key="pool_bases",
            placeholder="What the provider's terms permit",
        )
        reason = st.text_input("Reason", help=OVERRIDE, key="pool_reason", max_chars=REASON_LIMIT)
        if st.form_submit_button("Make the pool"):
            with page.attempt():
                if name.strip() in known:
                    st.error("There is a pool of that name; change its policy instead.", icon=":material/error:")
                    return
                page.leadmill().create_pool(
                    page.actor(), name, page.now(), provider=provider, legal_bases=bases or None, override_reason=reason
                )
                page.say_later(f"Pool {name.strip()} is made. Give it mailboxes under Senders.")
                st.rerun()
