"""Reading the set-up of what sends: `ports.sender_setup.SenderSetups` in Postgres."""

from __future__ import annotations

from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.ports.mailboxes import AccountSetup, MailboxSetup
from leadmill.ports.sender_setup import AccountEntry, DomainEntry, SenderSetup
from leadmill.sql import query

_SUBJECT = "ledger/sender_setup"


class LedgerSenderSetups:
    """One transaction a look, so that a mailbox's account and domain are among those shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sender_setup(self) -> SenderSetup:
        with self._database.transaction() as connection:
            accounts = connection.execute(query(_SUBJECT, "accounts_set_up")).fetchall()
            domains = connection.execute(query(_SUBJECT, "domains_set_up")).fetchall()
            mailboxes = connection.execute(query(_SUBJECT, "mailboxes_set_up")).fetchall()
        return SenderSetup(
            accounts=tuple(_account(row) for row in accounts),
            domains=tuple(DomainEntry(**{**row, "sending_ips": tuple(row["sending_ips"])}) for row in domains),
            mailboxes=tuple(MailboxSetup(**row) for row in mailboxes),
        )


def _account(row: DictRow) -> AccountEntry:
    kept = {name: row[name] for name in ("name", "provider", "config", "secret_ref", "daily_limit", "max_per_second")}
    return AccountEntry(AccountSetup(**kept), row["status"], row["status_reason"], row["mailbox_count"])
