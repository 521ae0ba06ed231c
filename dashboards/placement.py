"""Placement tests: where our test mails landed in seed inboxes, and an administrator's form for these."""

from __future__ import annotations

import charts
import page
import receivers
import senders
import streamlit as st

from leadmill.domain.access import Role
from leadmill.ports.placement import PlacementCounts, SeedInbox, SeedState

NEW = "New …"
TLS = {"implicit": "TLS from the start", "starttls": "STARTTLS", "none": "none: only for this machine"}


def show() -> None:
    """Where the last month's test mails landed, by mailbox and family of providers; each of them; and the seeds."""
    counts = page.leadmill().placements(page.now())
    if not counts:
        charts.explain_absence(
            "No test mail was sent yet. An admin adds seed inboxes below; the DAG test_placement does the rest."
        )
    else:
        st.dataframe([_line(each) for each in counts], hide_index=True, width="stretch", key="placement_table")
        st.caption(
            "One real mail a mailbox and day, of the last 30 days. The seed inboxes are only looked into: nothing is "
            "opened, marked or moved, so a test measures a reputation and does not change it."
        )
        with st.expander("Each test mail", icon=":material/mail:"):
            st.dataframe(
                [
                    {
                        "Sent": senders.moment(test.claimed_at),
                        "From": test.mailbox,
                        "To": test.seed,
                        "Handed over": test.state,
                        "Code": test.code,
                        "Found": test.placement or "not yet",
                        "Folder": test.folder,
                    }
                    for test in page.leadmill().placement_tests(page.now())
                ],
                hide_index=True,
                width="stretch",
                key="placement_mails",
            )
    _show_seeds()


def _line(each: PlacementCounts) -> dict[str, object]:
    landed = each.inbox + each.spam + each.elsewhere + each.missing
    return {
        "Mailbox": each.mailbox,
        "At": receivers.name_of(each.provider_family),
        "In the inbox": f"{each.inbox / landed:.0%} of {landed}" if landed else "none found yet",
        "Inbox": each.inbox,
        "Spam": each.spam,
        "Elsewhere": each.elsewhere,
        "Missing": each.missing,
        "On their way": each.waiting,
        "Refused": each.refused,
    }


def _show_seeds() -> None:
    found = page.leadmill().seed_inboxes()
    for seed in found:
        if seed.read_error:
            st.warning(f"The seed inbox {seed.inbox.address} could not be read: {seed.read_error}")
    if page.actor().role is not Role.ADMIN:
        return
    with st.expander(f"Seed inboxes ({len(found)})", icon=":material/edit:"):
        if found:
            st.dataframe([_seed_line(seed) for seed in found], hide_index=True, width="stretch", key="seed_table")
        known = {seed.inbox.address: seed.inbox for seed in found}
        chosen = st.selectbox("Seed inbox", [NEW, *known], key="seed_chosen")
        _form(known.get(chosen))


def _seed_line(seed: SeedState) -> dict[str, object]:
    return {
        "Inbox": seed.inbox.address,
        "Receiver": receivers.name_of(seed.inbox.provider_family),
        "Server": f"{seed.inbox.imap_host}:{seed.inbox.imap_port}",
        "Secret": seed.inbox.secret_ref,
        "In use": seed.inbox.is_active,
        "Read last": senders.moment(seed.read_at) if seed.read_at else "never",
    }


def _form(before: SeedInbox | None) -> None:
    seed = before or SeedInbox("", "", "")
    key = f"seed_{seed.address}"
    with st.form(f"{key}_form"):
        left, right = st.columns(2)
        address = seed.address or left.text_input("Address", key=f"{key}_address", placeholder="our.seed@gmail.com")
        values = {
            "provider_family": right.text_input(
                "Receiver", seed.provider_family, key=f"{key}_family", placeholder="gmail"
            ),
            "imap_host": left.text_input(
                "IMAP server", seed.imap_host, key=f"{key}_host", placeholder="imap.gmail.com"
            ),
            "imap_port": right.number_input("Port", 1, 65_535, seed.imap_port, key=f"{key}_port"),
            "tls": left.selectbox(
                "Encryption", list(TLS), list(TLS).index(seed.tls), format_func=TLS.get, key=f"{key}_tls"
            ),
            "user_name": right.text_input("User name, if not the address", seed.user_name, key=f"{key}_user"),
            "secret_ref": left.text_input("Where its password is", seed.secret_ref, key=f"{key}_secret", help=_WHERE),
            "is_active": right.checkbox("In use", seed.is_active, key=f"{key}_active"),
        }
        if st.form_submit_button("Save the seed inbox", type="primary"):
            with page.attempt():
                clean = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
                page.leadmill().add_seed_inbox(page.actor(), address=address.strip(), **clean, as_of=page.now())
                page.say_later(f"Seed inbox {address.strip()} is saved.")
                st.rerun()


_WHERE = (
    "env:NAME for an environment variable of the Airflow workers, or airflow:CONNECTION; for Gmail an app password."
)
