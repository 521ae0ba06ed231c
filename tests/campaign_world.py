"""Builders for campaign tests: leads, pools with mailboxes, drafts, and states of sends, straight in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leadmill.bootstrap import App
from leadmill.domain.access import Actor, Role
from leadmill.domain.campaigns import CampaignDraft, Step, Timing, Variant
from leadmill.domain.identity import email_hash
from leadmill.ports.campaigns import Check

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
ANALYST = Actor("ann@leadmill.test", Role.ANALYST)
ADMIN = Actor("ada@leadmill.test", Role.ADMIN)
VIEWER = Actor("vic@leadmill.test", Role.VIEWER)
FOOTER = '<p>{{ postal_address }}<br><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
HTML = '<p>Hello {{ first_name | default("there") }}, <a href="https://acme.test/offer">our offer</a></p>' + FOOTER


def make_lead(app: App, email: str, **columns: Any) -> int:
    """One lead; country DE and consent unless told otherwise."""
    values: dict[str, Any] = {
        "email": email,
        "email_hash": email_hash(email, app.settings.secret),
        "email_domain": email.partition("@")[2],
        "source": "test",
        "legal_basis": "consent",
        "country": "DE",
        "created_at": NOW,
        "updated_at": NOW,
    } | columns
    names = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    with app.database.transaction() as connection:
        row = connection.execute(
            f"insert into ledger.leads ({names}) values ({places}) returning lead_id", values
        ).fetchone()
    assert row
    return int(row["lead_id"])


def make_leads(app: App, count: int, **columns: Any) -> list[int]:
    return [make_lead(app, f"lead{number}@people{number % 7}.test", **columns) for number in range(count)]


def make_pool(app: App, name: str = "own smtp", *, provider: str = "smtp", mailboxes: int = 2, **policy: Any) -> int:
    """A pool over mailboxes of one account and one domain, 40 mails a day each."""
    pool_id = app.create_pool(ADMIN, name, NOW, provider=provider, **policy)
    with app.database.transaction() as connection:
        account = connection.execute(
            "insert into ledger.provider_accounts (name, provider, created_at) values (%s, %s, %s) returning account_id",
            (name, provider, NOW),
        ).fetchone()
        domain = connection.execute(
            "insert into ledger.sending_domains (name, created_at) values (%s, %s) returning domain_id",
            (f"mail{pool_id}.test", NOW),
        ).fetchone()
        assert account
        assert domain
        for number in range(mailboxes):
            connection.execute(
                "insert into ledger.mailboxes (domain_id, account_id, pool_id, address, display_name, created_at)"
                " values (%s, %s, %s, %s, 'Ann of Acme', %s)",
                (domain["domain_id"], account["account_id"], pool_id, f"box{number}@mail{pool_id}.test", NOW),
            )
    return pool_id


def set_organisation(app: App) -> None:
    app.set_organisation(ADMIN, "Acme GmbH", "Main Street 1\n10115 Berlin", NOW)


def make_draft(pool_id: int | None, **changes: Any) -> CampaignDraft:
    """Two steps, the first with an A/B subject, as soon as possible."""
    first = Step((Variant("A", "Hello", HTML), Variant("B", "Good news", HTML)))
    second = Step((Variant("A", "Once more", HTML),), delay_days=3)
    values: dict[str, Any] = {
        "name": "Spring",
        "pool_id": pool_id,
        "steps": (first, second),
        "timing": Timing.AS_SOON_AS_POSSIBLE,
    } | changes
    return CampaignDraft(**values)


def approved_campaign(app: App, **changes: Any) -> int:
    """Organisation, pool and an approved campaign over the leads that are there."""
    set_organisation(app)
    campaign_id = app.create_campaign(ANALYST, make_draft(make_pool(app), **changes), NOW)
    app.approve_campaign(ANALYST, campaign_id, NOW)
    return campaign_id


def sends(app: App, campaign_id: int, where: str = "true") -> list[dict[str, Any]]:
    with app.database.transaction() as connection:
        return connection.execute(
            f"select * from ledger.sends where campaign_id = %s and {where} order by step, lead_id", (campaign_id,)
        ).fetchall()


def execute(app: App, text: str, *values: Any) -> None:
    with app.database.transaction() as connection:
        connection.execute(text, values)


def suppress(app: App, email: str, reason: str = "unsubscribed") -> None:
    execute(
        app,
        "insert into ledger.suppressions (email_hash, email, reason, created_at) values (%s, %s, %s, %s)",
        email_hash(email, app.settings.secret),
        email,
        reason,
        NOW,
    )


def draft_with(app: App, html: str, *, subject: str = "Hi", **changes: object) -> CampaignDraft:
    """A draft with this body, in the only pool there is."""
    if app.organisation() is None:
        set_organisation(app)
    pool_id = app.pools()[0].pool_id if app.pools() else make_pool(app)
    return make_draft(pool_id, steps=(Step((Variant("A", subject, html + FOOTER),)),), **changes)


def check(app: App, draft: CampaignDraft, name: str) -> Check | None:
    """One check of the pre-flight of a draft."""
    campaign_id = app.create_campaign(ANALYST, draft, NOW)
    return next((c for c in app.preflight(campaign_id, NOW) if c.name == name), None)
