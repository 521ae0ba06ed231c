"""Provider accounts: an administrator's forms. Secrets are only ever named, never typed in."""

from __future__ import annotations

import json

import page
import senders
import streamlit as st

from leadmill.domain.sending_policy import DEFAULT_POLICY
from leadmill.domain.spread import EVEN_UP_TO, Spread
from leadmill.ports.mailboxes import AccountSetup
from leadmill.ports.sender_setup import AccountEntry, SenderSetup

NEW = "New …"
SPREADS: dict[str | None, str] = {
    None: f"even up to {EVEN_UP_TO} mails a day",
    Spread.EVEN.value: "even over the day",
    Spread.AS_FAST_AS_POSSIBLE.value: "as fast as possible",
}
WHERE_HELP = (
    "Where the secret is, never the secret itself: env:NAME for an environment variable of the workers, or "
    "airflow:CONNECTION for the password of an Airflow connection."
)
CONFIG_HINTS = {
    "smtp": {"host": "smtp.gmail.com", "port": 587, "tls": "starttls"},
    "ses": {"region": "eu-central-1", "configuration_set": "leadmill"},
    "sendgrid": {},
    "mailgun": {"host": "https://api.eu.mailgun.net"},
    "postmark": {"stream": "broadcast"},
}


def show(setup: SenderSetup) -> None:
    """Every provider account, and a form for adding or changing one."""
    st.subheader("Provider accounts", anchor=False)
    if setup.accounts:
        st.dataframe(
            [
                {
                    "Account": entry.setup.name,
                    "Provider": senders.PROVIDERS.get(entry.setup.provider, entry.setup.provider),
                    "Status": senders.status_words(entry.status, None),
                    "Mailboxes": entry.mailbox_count,
                    "Limits": _limits_words(entry.setup),
                    "Spread": SPREADS[entry.setup.spread],
                    "Settings": _settings_words(entry.setup),
                }
                for entry in setup.accounts
            ],
            hide_index=True,
            width="stretch",
            height="content",
            column_config={
                "Account": st.column_config.TextColumn(width=120),
                "Provider": st.column_config.TextColumn(width=155),
                "Spread": st.column_config.TextColumn(width=135),
                "Settings": st.column_config.TextColumn(width=410),
            },
        )
        for entry in setup.accounts:
            if said := allowed_words(entry):
                st.caption(f"{page.plain(entry.setup.name)}: the provider allows {said}.")
    else:
        st.info("No provider account yet: begin here, then add a domain and its mailboxes.", icon=":material/info:")
    known = {entry.setup.name: entry.setup for entry in setup.accounts}
    with st.expander("Add or change a provider account", icon=":material/edit:"):
        chosen = st.selectbox("Account", [NEW, *known], key="account_chosen")
        before = known.get(chosen)
        # DEFAULT_POLICY is the domain's list of providers: a new one shows up here by its key.
        provider = (
            before.provider
            if before
            else st.selectbox(
                "Provider",
                sorted(DEFAULT_POLICY, reverse=True),
                format_func=lambda key: senders.PROVIDERS.get(key, key),
                key="account_provider",
            )
        )
        _form(before, provider)


def _limits_words(setup: AccountSetup) -> str:
    """Our own limits of an account."""
    limits = ((setup.daily_limit, "day"), (setup.max_per_second, "second"))
    return ", ".join(f"{limit_words(limit)} a {span}" for limit, span in limits if limit is not None) or "none"


def _settings_words(setup: AccountSetup) -> str:
    """Where an account sends to, and where its secret is."""
    known = [f"{key} {value}" for key, value in sorted(setup.config.items())]
    return ", ".join([*known, f"secret in {setup.secret_ref}" if setup.secret_ref else "no secret"])


def allowed_words(entry: AccountEntry) -> str:
    """What the provider itself said of an account, for people; empty where it was not asked."""
    limits = entry.limits
    if limits is None or entry.limits_read_at is None:
        return ""
    day, second = limit_words(limits.daily_limit), limit_words(limits.max_per_second)
    used = f", {limits.sent_24h:,} sent" if limits.sent_24h is not None else ""
    status = f", {limits.status.lower().replace('_', ' ')}" if limits.status else ""
    read = senders.moment(entry.limits_read_at)
    return f"{day} in 24 hours{used}, {second} a second{status} (read {read})"


def limit_words(limit: float | None) -> str:
    """A limit for people; None is none of its own."""
    return "no limit" if limit is None else f"{limit:,.10g}"


def _form(before: AccountSetup | None, provider: str) -> None:
    key = f"account_{before.name if before else provider}"
    with st.form(key):
        name = before.name if before else st.text_input("Name", key=f"{key}_name")
        config = st.text_area(
            "Settings (JSON)",
            json.dumps(dict(before.config) if before else CONFIG_HINTS.get(provider, {}), indent=2),
            key=f"{key}_config",
            height=150,
            help="The table of settings of each provider is in docs/feature-matrix.md.",
        )
        secret_ref = st.text_input(
            "Where its secret is", before.secret_ref if before else "", help=WHERE_HELP, key=f"{key}_secret"
        )
        day, second, over_day = st.columns(3)
        daily_limit = day.number_input(
            "Mails a day, at most", 1, value=before.daily_limit if before else None, key=f"{key}_day"
        )
        max_per_second = second.number_input(
            "Mails a second, at most", 0.01, value=before.max_per_second if before else None, key=f"{key}_second"
        )
        spread = over_day.selectbox(
            "Its mailboxes send",
            list(SPREADS),
            list(SPREADS).index(before.spread if before else None),
            format_func=lambda key: SPREADS[key],
            key=f"{key}_spread",
            help="Even: each mailbox spreads its mails until 18:00 in its zone, or until the leads' windows close.",
        )
        if st.form_submit_button("Save the account", type="primary"):
            with page.attempt():
                settings = _settings_of(config)
                if settings is None:
                    return
                page.leadmill().add_provider_account(
                    page.actor(),
                    name=name.strip(),
                    provider=provider,
                    config=settings,
                    secret_ref=secret_ref.strip(),
                    daily_limit=daily_limit,
                    max_per_second=max_per_second,
                    spread=spread,
                    as_of=page.now(),
                )
                page.say_later(f"Provider account {name.strip()} is saved.")
                st.rerun()


def _settings_of(text: str) -> dict[str, object] | None:
    """The settings a person typed; None, and a sentence on the page, where they are no JSON object."""
    try:
        settings = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        st.error(f"The settings are not valid JSON (line {error.lineno}).", icon=":material/error:")
        return None
    if not isinstance(settings, dict):
        st.error('The settings are one JSON object, such as {"host": "smtp.gmail.com"}.', icon=":material/error:")
        return None
    return settings
