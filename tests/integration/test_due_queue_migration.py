"""Migration 0005 on a ledger in the middle of its work: nothing due is forgotten, nobody's claim is lost."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from psycopg.rows import dict_row

from leadmill.bootstrap import App
from leadmill.domain.dispatch import LEASE, Outcome, SendResult
from leadmill.settings import Settings
from leadmill.sql.migrations import migrate
from tests.conftest import url_of
from tests.sending_world import NOW, later

BEFORE = """
insert into ledger.provider_accounts (name, provider, created_at) values ('own smtp', 'smtp', now());
insert into ledger.pools (name, accepts_legal_bases, created_at) values ('p', '{consent}', now());
insert into ledger.sending_domains (name, created_at) values ('brand.test', now());
insert into ledger.mailboxes (domain_id, account_id, pool_id, address, created_at) values (1, 1, 1, 'a@brand.test', now());
insert into ledger.campaigns (name, status, pool_id, timing, created_by, created_at, updated_at)
values ('c', 'running', 1, 'as_soon_as_possible', 't', now(), now());
insert into ledger.campaign_steps values (1, 1, 0), (1, 2, 3);
insert into ledger.variants (campaign_id, step, label, subject, body_html)
values (1, 1, 'A', 's', 'b'), (1, 2, 'A', 's', 'b');
insert into ledger.leads (email, email_hash, email_domain, source, legal_basis, created_at, updated_at)
select 'lead-' || n || '@people.test', sha256(n::text::bytea), 'people.test', 't', 'consent', now(), now()
from generate_series(1, 7) n;
insert into ledger.sends (campaign_id, step, lead_id, variant_id, state, due_at, priority, state_changed_at)
select 1, 1, n, 1, 'planned', %(now)s::timestamptz, n, %(now)s from generate_series(1, 2) n;
insert into ledger.sends (campaign_id, step, lead_id, variant_id, state, due_at, mailbox_id, assignment, claimed_at,
  lease_until, worker, attempts, state_changed_at)
select 1, 1, n, 1, case when n = 5 then 'ambiguous' else 'claimed' end, %(now)s, 1, '{"reason": "rotation", "fill": 0.5}',
  %(now)s, %(lease)s, 'old worker', 1, %(now)s
from generate_series(3, 5) n;
insert into ledger.sends (campaign_id, step, lead_id, variant_id, state, due_at, mailbox_id, assignment, claimed_at,
  accepted_at, worker, provider_message_id, state_changed_at)
select 1, 1, n, 1, 'accepted', %(now)s, 1, '{"reason": "retry"}', %(now)s, %(now)s, 'older worker', 'x' || n, %(now)s
from generate_series(6, 7) n;
insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, state_changed_at)
values (1, 2, 6, 2, %(now)s::timestamptz + interval '3 days', %(now)s), (1, 2, 7, 2, null, %(now)s);
"""


def rows(url: str, text: str) -> list[dict]:
    with psycopg.connect(url, row_factory=dict_row, options="-c timezone=UTC") as connection:
        return connection.execute(text).fetchall()


def test_queue_claims_and_doubts_take_over_what_the_sends_said(postgres: str, settings: Settings) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database in_the_middle")
    url = url_of(postgres, "in_the_middle")
    migrate(url, revision="0004")
    with psycopg.connect(url) as connection:
        text = BEFORE.replace("%(now)s", f"'{NOW.isoformat()}'").replace("%(lease)s", f"'{(NOW + LEASE).isoformat()}'")
        connection.execute(text)
    migrate(url)

    assert rows(url, "select send_id, mailbox_id, due_at, priority from ledger.due_sends order by 1") == [
        {"send_id": 1, "mailbox_id": 0, "due_at": NOW, "priority": 1.0},
        {"send_id": 2, "mailbox_id": 0, "due_at": NOW, "priority": 2.0},
        {"send_id": 8, "mailbox_id": 1, "due_at": later(days=3), "priority": 0.0},
    ]
    assert rows(url, "select send_id from ledger.doubts") == [{"send_id": 5}]
    claims = rows(url, "select * from ledger.claims order by worker")
    assert [(c["worker"], c["send_ids"], c["open_count"], c["is_swept"]) for c in claims] == [
        ("old worker", [3, 4, 5], 2, False),
        ("older worker", [6, 7], 0, True),
    ]
    assert [c["reasons"] for c in claims] == [["rotation"] * 3, ["retry"] * 2]
    assert claims[0]["situation"]["sends"]["3"] == {"reason": "rotation", "fill": 0.5}
    assert rows(url, "select count(*) as n from ledger.sends where provider_message_id = 'x6'") == [{"n": 1}]

    app = App(settings.model_copy(update={"database_url": url}))
    try:
        ledger = app.send_ledger
        yes = [SendResult(send_id, Outcome.ACCEPTED, provider_message_id="q") for send_id in (3, 5, 6)]
        assert ledger.record("another", yes, now=NOW) == {}
        assert ledger.record("old worker", yes, now=NOW) == {3: "accepted", 5: "accepted"}
        recovered = ledger.recover(as_of=NOW + LEASE + timedelta(seconds=1))
        assert (recovered.ambiguous, recovered.lost) == (1, 0)
        assert [doubt.send_id for doubt in ledger.ambiguous_sends(limit=9)] == [4]
        claimed = ledger.claim("own smtp", worker="new", now=later(hours=1), limit=10)
        assert 2 in {send.send_id for send in claimed.sends}
    finally:
        app.database.close()
