"""Who may send: by the token in ledger and store, and never by where a worker runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.sending_lease import (
    LEASE,
    MAY_SEND,
    DatabaseIdentity,
    LedgerLease,
    Standing,
    StoredLease,
    refusal,
    standing,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HERE = DatabaseIdentity("7:16384", "10.0.0.5:5432", "leadmill on 10.0.0.5:5432")
REPLICA = replace(HERE, place="10.0.0.6:5432", name="leadmill on 10.0.0.6:5432")
COPY = replace(HERE, cluster="7:99999", name="staging on 10.0.0.5:5432")
STORE = "s3://bucket"
STORED = StoredLease("i", "t", HERE, STORE, NOW)
OWN = LedgerLease("i", "t")
SILENT = NOW + LEASE + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("own", "stored", "database", "now", "how"),
    [
        (LedgerLease(), None, HERE, NOW, Standing.FIRST),
        (OWN, STORED, HERE, NOW, Standing.HELD),
        (OWN, STORED, HERE, NOW + timedelta(days=400), Standing.HELD),
        (OWN, STORED, REPLICA, NOW + LEASE, Standing.PARTNER_ALIVE),
        (OWN, STORED, REPLICA, SILENT, Standing.PASSED_ON),
        (LedgerLease("i", "older"), STORED, REPLICA, SILENT, Standing.TAKEN),
        (OWN, STORED, COPY, SILENT, Standing.COPY),
        (LedgerLease("i", "older"), STORED, COPY, SILENT, Standing.TAKEN),
        (LedgerLease("i", "older"), STORED, HERE, NOW, Standing.OLDER),
        (LedgerLease(), STORED, HERE, NOW, Standing.OLDER),
        (LedgerLease(), STORED, COPY, SILENT, Standing.FOREIGN),
        (LedgerLease("other", "t"), STORED, HERE, SILENT, Standing.FOREIGN),
        (OWN, None, HERE, NOW, Standing.EMPTY_STORE),
        (OWN, replace(STORED, store_uri="s3://copied"), HERE, NOW, Standing.MOVED_STORE),
    ],
)
def test_how_a_ledger_stands_to_its_store(own, stored, database, now, how: Standing) -> None:
    assert standing(own, stored, database, store_uri=STORE, now=now) is how
    if how not in MAY_SEND:
        sentence = refusal(how, stored, store_uri=STORE)
        assert sentence.endswith(".")
        assert "leadmill " in sentence or "by itself" in sentence


TOKENS = st.sampled_from([None, "a", "b"])
DATABASES = st.sampled_from([HERE, REPLICA, COPY])


@given(token=TOKENS, other_token=TOKENS, stored_token=st.sampled_from(["a", "b"]), at=DATABASES, other=DATABASES,
       minutes=st.integers(0, 3))  # fmt: skip
def test_of_two_databases_at_most_one_may_send_unless_the_journal_decides(
    token, other_token, stored_token, at: DatabaseIdentity, other: DatabaseIdentity, minutes: int
) -> None:
    """Whatever tokens two ledgers in different databases hold: while the last sender is alive, only one passes."""
    stored = replace(STORED, token=stored_token, database=HERE)
    now = NOW + timedelta(minutes=minutes)
    passing = {
        database.name
        for database, held in ((at, token), (other, other_token))
        if standing(LedgerLease("i" if held else None, held), stored, database, store_uri=STORE, now=now) in MAY_SEND
    }
    assert len(passing) <= 1
