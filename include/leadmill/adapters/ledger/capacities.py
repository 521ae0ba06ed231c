"""Rows of `mailbox_capacities` as the domain sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow

from leadmill.domain.guardrails import WINDOW_DAYS
from leadmill.domain.mailboxes import Capacity, Mailbox, SenderStatus, day_limit
from leadmill.domain.rotation import Candidate
from leadmill.ports.content import Sender
from leadmill.ports.esp import Channel
from leadmill.sql import query

_SAME_NAMES = (
    "mailbox_id domain_id account_id pool_id time_zone day daily_limit taken_today hourly_limit taken_this_hour"
    " min_gap_seconds next_send_at warm_up_started_on cool_down_until domain_cool_down_until domain_daily_limit"
    " domain_taken_today account_daily_limit account_taken account_quota_relaxes_at account_next_send_at"
    " delivered bounced"
)


def capacity_rows(
    connection: psycopg.Connection[DictRow], *, now: datetime, account_id: int | None = None
) -> list[DictRow]:
    """Limits and use of the mailboxes of one account, or of all."""
    return connection.execute(
        query("ledger/dispatch", "mailbox_capacities"),
        {"now": now, "account_id": account_id, "window_days": WINDOW_DAYS},
    ).fetchall()


def mailbox_of(row: Mapping[str, Any]) -> Mailbox:
    """The row's mailbox with its domain and account."""
    return Mailbox(
        **{name: row[name] for name in _SAME_NAMES.split()},
        status=SenderStatus(row["status"]),
        domain_status=SenderStatus(row["domain_status"]),
        account_status=SenderStatus(row["account_status"]),
    )


def candidate_of(mailbox: Mailbox, now_capacity: Capacity) -> Candidate:
    """The mailbox as rotation sees it."""
    return Candidate(
        mailbox_id=mailbox.mailbox_id,
        domain_id=mailbox.domain_id,
        pool_id=mailbox.pool_id,
        remaining=now_capacity.remaining,
        taken_today=mailbox.taken_today,
        day_limit=day_limit(mailbox),
        delivered=mailbox.delivered,
        bounced=mailbox.bounced,
    )


def domain_remaining(mailboxes: Iterable[Mailbox]) -> dict[int, int]:
    """Mails that each limited sending domain may still send today."""
    return {
        m.domain_id: max(0, m.domain_daily_limit - m.domain_taken_today)
        for m in mailboxes
        if m.domain_daily_limit is not None
    }


def sender_of(row: Mapping[str, Any]) -> Sender:
    """The row's mailbox as a mail's sender."""
    return Sender(address=row["address"], display_name=row["display_name"], domain=row["domain"])


def channel_of(row: Mapping[str, Any]) -> Channel:
    """What it takes to send as the row's mailbox; a mailbox's own secret goes before its account's."""
    return Channel(
        mailbox_id=row["mailbox_id"],
        provider=row["provider"],
        config=dict(row["config"]),
        user_name=row["user_name"],
        secret_ref=row["secret_ref"] or row["account_secret_ref"],
    )
