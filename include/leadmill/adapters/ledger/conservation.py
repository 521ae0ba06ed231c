"""The ledger's books in Postgres: `ports.conservation.ConservationLedger`."""

from __future__ import annotations

from datetime import datetime, timedelta

from leadmill.adapters.ledger.database import Database
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.conservation import CampaignBooks, MailboxBooks
from leadmill.domain.sends import SendState
from leadmill.ports.conservation import Books
from leadmill.sql import query

_SUBJECT = "ledger/conservation"
_LOOK_BACK = timedelta(days=3)
"""Mailbox days that can still grow: today in every zone, and what a clock that was set back writes to."""


class LedgerConservation:
    """One pass over the sends for the campaigns, one for the mailboxes; both in one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def books(self, *, as_of: datetime) -> Books:
        with self._database.transaction() as connection:
            connection.execute("set transaction isolation level repeatable read read only")
            campaigns = connection.execute(query(_SUBJECT, "campaign_books"), {"as_of": as_of}).fetchall()
            since = {"since": as_of - _LOOK_BACK}
            mailboxes = connection.execute(query(_SUBJECT, "mailbox_books"), since).fetchall()
        return Books(
            [
                CampaignBooks(
                    **row
                    | {
                        "status": CampaignStatus(row["status"]),
                        "left_out": sum(row["left_out"].values()),
                        "by_state": {SendState(state): count for state, count in row["by_state"].items()},
                    }
                )
                for row in campaigns
            ],
            [MailboxBooks(**row) for row in mailboxes],
        )

    def repair(self) -> int:
        with self._database.transaction() as connection:
            names = ("requeue_missing", "show_missing_doubts")
            return sum(len(connection.execute(query(_SUBJECT, name)).fetchall()) for name in names)
