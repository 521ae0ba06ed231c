"""Organisation: who is behind the mails, what sends them, whom each pool may mail, and who changed what."""

from __future__ import annotations

import audit_log
import countries
import page
import pools
import provider_accounts
import recipient_limits
import sending_domains
import sending_mailboxes
import streamlit as st

page.header("Organisation", "Who is behind the mails, what sends them, whom each pool may mail, and who changed what.")
page.only_admins()
identity, policy, law, sending, log = st.tabs(
    ["Organisation", "Pools", "Countries", "Senders", "Audit log"], key="organisation_tabs"
)
with identity, page.attempt():
    pools.show_organisation()
with policy, page.attempt():
    pools.show_pools()
with law, page.attempt():
    countries.show()
with sending, page.attempt():
    setup = page.leadmill().sender_setup(page.actor())
    provider_accounts.show(setup)
    sending_domains.show(setup)
    sending_mailboxes.show(setup)
    recipient_limits.show()
with log, page.attempt():
    audit_log.show()
