"""Migration 0019 on a ledger in the middle of its work: drafts take the rules over, what runs keeps what it had."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

from leadmill.sql.migrations import migrate
from tests.conftest import url_of

BEFORE = """
insert into ledger.campaigns (name, status, created_by, created_at, updated_at)
select status, status, 't', now(), now() from unnest('{draft,approved,running,paused}'::text[]) status;
insert into ledger.campaign_steps (campaign_id, step) values (3, 1), (4, 1);
insert into ledger.variants (campaign_id, step, label, subject, body_html)
values (3, 1, 'A', 's', 'b'), (4, 1, 'A', 's', 'b');
insert into ledger.leads (email, email_hash, email_domain, source, legal_basis, created_at, updated_at)
select email, sha256(email::bytea), split_part(email, '@', 2), 't', 'consent', now(), now()
from unnest('{jo.smith@gmail.com,josmith@gmail.com,ann@people.test}'::text[]) email;
insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, state_changed_at)
values (3, 1, 1, 1, now(), now()), (4, 1, 2, 2, now(), now()), (3, 1, 3, 1, now(), now());
"""


def test_drafts_take_the_rules_over_and_what_runs_keeps_what_it_had(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database before_contact_rules")
    url = url_of(postgres, "before_contact_rules")
    migrate(url, revision="0011")
    with psycopg.connect(url) as connection:
        connection.execute(BEFORE)
    migrate(url)
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(
            "select name, leave_out_replied, leave_out_in_sequence, days_apart, ends_on_other_reply"
            " from ledger.campaigns order by campaign_id"
        ).fetchall()
        shared = connection.execute("select * from ledger.shared_leads order by lead_id").fetchall()
    assert tuple(rows[0].values()) == ("draft", True, True, None, True)
    assert {tuple(row.values())[1:] for row in rows[1:]} == {(False, False, 0, False)}
    assert shared == [{"lead_id": 1, "person_id": 1}, {"lead_id": 2, "person_id": 1}]
