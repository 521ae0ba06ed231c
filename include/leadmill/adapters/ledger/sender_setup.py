"""Reading the set-up of what sends: `ports.sender_setup.SenderSetups` in Postgres."""

from __future__ import annotations

from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.ports.mailboxes import AccountSetup, MailboxSetup
from leadmill.ports.provider_limits import ProviderLimits
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
            domains=tuple(_domain(row) for row in domains),
            mailboxes=tuple(MailboxSetup(**row) for row in mailboxes),
        )


def _account(row: DictRow) -> AccountEntry:
    names = ("name", "provider", "config", "secret_ref", "daily_limit", "max_per_second", "spread")
    kept = {name: row[name] for name in names}
    read_at = row["provider_limits_read_at"]
    limits = ProviderLimits(
        daily_limit=row["provider_daily_limit"],
        max_per_second=row["provider_max_per_second"],
        sent_24h=row["provider_sent_24h"],
        status=row["provider_status"],
    )
    return AccountEntry(
        setup=AccountSetup(**kept),
        status=row["status"],
        status_reason=row["status_reason"],
        mailbox_count=row["mailbox_count"],
        limits=limits if read_at and row["provider_status"] else None,
        limits_read_at=read_at,
    )


def _domain(row: DictRow) -> DomainEntry:
    lists = {name: tuple(row[name]) for name in ("sending_ips", "dkim_selectors")}
    return DomainEntry(**{**row, **lists})
