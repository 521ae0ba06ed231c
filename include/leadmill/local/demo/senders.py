"""The demonstration's organisation, pool, lanes, sending domains and mailboxes; all mail goes to the local world."""

from __future__ import annotations

from datetime import datetime

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from leadmill.local.demo.size import DemoSize

POOL = "outreach"
LANES: dict[str, str] = {"ses-relay": "ses", "sendgrid-relay": "sendgrid", "own-smtp": "plain"}
"""Lane to preset: how our send id travels through that relay, and whose events come back."""

_PEOPLE = ("Ada Kovac", "Ben Osei", "Clara Lindqvist")
_WORDS = ("harbour", "meadow", "quarry", "orchard", "summit", "canal", "lantern", "foundry", "juniper", "compass")


def set_up_senders(app: App, size: DemoSize, *, smtp_host: str, smtp_port: int, as_of: datetime) -> str:
    """Configure everything that sends; the second time it changes nothing. Says in words what there is."""
    app.set_organisation(
        SYSTEM, "Northwind Tools Ltd", "12 Mill Lane, Leeds LS1 4DL, United Kingdom", as_of, "https://northwind.example"
    )
    if POOL not in {pool.name for pool in app.pools()}:
        app.create_pool(SYSTEM, POOL, as_of, provider="sendgrid")  # the strictest policy of its three lanes
    for lane, preset in LANES.items():
        config = {"host": smtp_host, "port": smtp_port, "tls": "none", "preset": preset}
        # A demonstration shows in minutes what a working day does.
        app.add_provider_account(
            SYSTEM, name=lane, provider="smtp", config=config, spread="as_fast_as_possible", as_of=as_of
        )
    for number, domain in enumerate(sending_domains(size)):
        app.add_sending_domain(SYSTEM, name=domain, sending_ips=[f"198.51.100.{10 + number}"], as_of=as_of)
        lane = list(LANES)[number % len(LANES)]
        for person in range(size.mailboxes_per_domain):
            name = _PEOPLE[person % len(_PEOPLE)]
            app.add_mailbox(
                SYSTEM,
                address=f"{name.split()[0].lower()}{person // len(_PEOPLE) or ''}@{domain}",
                account=lane,
                pool=POOL,
                display_name=f"{name}, Northwind Tools",
                daily_limit=size.daily_limit,
                as_of=as_of,
            )
    count = size.domains * size.mailboxes_per_domain
    return f"{size.domains} domains, {count} mailboxes in {len(LANES)} lanes, {size.daily_limit} a day each"


def sending_domains(size: DemoSize) -> list[str]:
    """The sending domains' names, under a top level that never exists on the internet (RFC 2606)."""
    return [
        f"{_WORDS[number % len(_WORDS)]}{number // len(_WORDS) or ''}-mail.example" for number in range(size.domains)
    ]
