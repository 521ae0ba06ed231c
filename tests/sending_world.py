"""A running campaign over real leads, mailboxes and an SMTP server, straight in the ledger: many rows, little time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from leadmill.bootstrap import App
from leadmill.domain.access import Actor, Role
from leadmill.domain.identity import email_hash

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
ADMIN = Actor("ada@leadmill.test", Role.ADMIN)
ANALYST = Actor("ann@leadmill.test", Role.ANALYST)
VIEWER = Actor("vic@leadmill.test", Role.VIEWER)
HTML = '<p>Hello {{ first_name }}</p><p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'


def execute(app: App, text: str, *values: Any) -> list[dict[str, Any]]:
    with app.database.transaction() as connection:
        cursor = connection.execute(text, values)
        return cursor.fetchall() if cursor.description else []


def make_lane(app: App, port: int, *, name: str = "own smtp", **config: Any) -> str:
    """An SMTP lane; its mailboxes send as fast as their limits let them, unless the test says `spread`."""
    limits = {key: config.pop(key) for key in ("daily_limit", "max_per_second") if key in config}
    limits["spread"] = config.pop("spread", "as_fast_as_possible")
    app.add_provider_account(
        ADMIN,
        name=name,
        provider="smtp",
        config={"host": "127.0.0.1", "port": port, "tls": "none", "timeout_seconds": 5} | config,
        as_of=NOW,
        **limits,
    )
    return name


def make_pool(app: App, name: str = "pool") -> int:
    execute(
        app,
        "insert into ledger.organisation values (true, 'Acme GmbH', 'Main Street 1, Berlin', '', %s) on conflict do nothing",
        NOW,
    )
    rows = execute(
        app,
        "insert into ledger.pools (name, accepts_legal_bases, created_at) values (%s, '{consent}', %s) returning pool_id",
        name, NOW,
    )  # fmt: skip
    return int(rows[0]["pool_id"])


def make_mailboxes(
    app: App, count: int, *, lane: str = "own smtp", domain: str = "brand.test", pool: str = "pool", **values: Any
) -> list[int]:
    """Mailboxes box0@domain, box1@domain …"""
    app.add_sending_domain(ADMIN, name=domain, as_of=NOW, daily_limit=values.pop("domain_daily_limit", None))
    return [
        app.add_mailbox(
            ADMIN, address=f"box{n}@{domain}", account=lane, pool=pool, display_name="Ann", as_of=NOW, **values
        )
        for n in range(count)
    ]


def make_campaign(
    app: App, pool_id: int, recipients: list[str], *, steps: int = 1, due_at: datetime = NOW, **values: Any
) -> int:
    """A running campaign with a planned send for each recipient and step; later steps wait for the one before."""
    columns = {"name": "c", "status": "running", "pool_id": pool_id, "timing": "as_soon_as_possible"} | values
    columns |= {"created_by": "test", "created_at": NOW, "updated_at": NOW}
    names = ", ".join(columns)
    places = ", ".join(f"%({name})s" for name in columns)
    key = app.settings.secret
    with app.database.transaction() as connection:
        row = connection.execute(
            f"insert into ledger.campaigns ({names}) values ({places}) returning campaign_id", columns
        ).fetchone()
        assert row
        campaign_id = int(row["campaign_id"])
        for step in range(1, steps + 1):
            connection.execute(
                "insert into ledger.campaign_steps values (%s, %s, %s)", (campaign_id, step, 3 if step > 1 else 0)
            )
            connection.execute(
                "insert into ledger.variants (campaign_id, step, label, subject, body_html) values (%s, %s, 'A', %s, %s)",
                (campaign_id, step, f"Step {step}", HTML),
            )
        connection.execute(
            "insert into ledger.leads (email, email_hash, email_domain, first_name, source, legal_basis, attributes,"
            " created_at, updated_at)"
            " select r.email, r.hash, split_part(r.email, '@', 2), 'Jo', 'test', 'consent', %s, %s, %s"
            " from unnest(%s::text[], %s::bytea[]) as r(email, hash) on conflict (email_hash) do nothing",
            (Jsonb({}), NOW, NOW, recipients, [email_hash(r, key) for r in recipients]),
        )
        connection.execute(
            "insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, state_changed_at)"
            " select v.campaign_id, v.step, l.lead_id, v.variant_id, case when v.step = 1 then %s::timestamptz end, %s"
            " from ledger.variants v, unnest(%s::text[]) with ordinality as r(email, place)"
            " join ledger.leads l using (email) where v.campaign_id = %s order by v.step, r.place",
            (due_at, NOW, recipients, campaign_id),
        )
    return campaign_id


def people(count: int, kind: str = "lead") -> list[str]:
    return [f"{kind}-{n}@people.test" for n in range(count)]


def states(app: App, campaign_id: int | None = None) -> Counter[str]:
    rows = execute(
        app,
        "select state, count(*) as n from ledger.sends where %s::bigint is null or campaign_id = %s group by state",
        campaign_id, campaign_id,
    )  # fmt: skip
    return Counter({row["state"]: row["n"] for row in rows})


def sends(app: App, campaign_id: int, where: str = "true") -> list[dict[str, Any]]:
    return execute(
        app,
        f"select s.*, l.email from ledger.sends s join ledger.leads l using (lead_id)"
        f" where campaign_id = %s and {where} order by step, send_id",
        campaign_id,
    )


def reasons(app: App) -> set[str]:
    """Why sends went to their mailboxes, over all claims."""
    return {row["reason"] for row in execute(app, "select unnest(reasons) as reason from ledger.claims")}


def suppress(app: App, email: str, reason: str = "unsubscribed") -> None:
    execute(
        app,
        "insert into ledger.suppressions (email_hash, email, reason, created_at) values (%s, %s, %s, %s)",
        email_hash(email, app.settings.secret), email, reason, NOW,
    )  # fmt: skip


def later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def usage(app: App) -> dict[str, int]:
    """What was taken in all, by level."""
    levels = {
        "mailbox": "mailbox_usage",
        "hour": "mailbox_hour_usage",
        "domain": "domain_usage",
        "account": "account_usage",
    }
    return {
        level: int(execute(app, f"select coalesce(sum(taken), 0) as n from ledger.{table}")[0]["n"])
        for level, table in levels.items()
    }
