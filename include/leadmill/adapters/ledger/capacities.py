"""Rows of `mailbox_capacities` and `recipient_limits` as the domain sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import DictRow

from leadmill.domain.dkim import DkimKeyRef
from leadmill.domain.guardrails import WINDOW_DAYS
from leadmill.domain.mailboxes import Mailbox, SenderStatus
from leadmill.domain.spread import Spread
from leadmill.domain.warm_up import WarmUp, curve_of
from leadmill.domain.weather import PutOff, Standing
from leadmill.ports.content import Sender
from leadmill.ports.esp import Channel
from leadmill.sql import query

_SAME_NAMES = (
    *("mailbox_id", "domain_id", "account_id", "pool_id", "time_zone", "day", "daily_limit", "taken_today"),
    *("hourly_limit", "taken_this_hour", "min_gap_seconds", "next_send_at", "spread_until", "warm_up_started_on"),
    *("cool_down_until", "domain_cool_down_until", "domain_daily_limit", "domain_taken_today", "account_daily_limit"),
    *("account_taken", "account_quota_relaxes_at", "account_next_send_at", "provider_daily_limit", "provider_others"),
    *("delivered", "bounced", "is_on_probation"),
)


@dataclass(frozen=True, slots=True)
class RecipientLimits:
    """Limits of recipient domains as they are this hour.

    `family_of`: the limited family of a recipient domain; others are missing. `hourly`: each family's limit, in mails
    an hour from one sending domain. `remaining`: what a sending domain (its id) may still send to a family.
    """

    family_of: Mapping[str, str] = field(default_factory=dict)
    hourly: Mapping[str, int] = field(default_factory=dict)
    remaining: Mapping[tuple[int, str], int] = field(default_factory=dict)

    def family(self, email: str) -> str:
        """The limited family that an address belongs to, "" for all others."""
        return self.families((email,))[0]

    def families(self, emails: Iterable[str]) -> list[str]:
        """The limited family that each address belongs to, "" for all others."""
        family_of = self.family_of.get
        return [family_of(email.rpartition("@")[2].lower(), "") for email in emails]


def capacity_rows(
    connection: psycopg.Connection[DictRow], *, now: datetime, account_id: int | None = None
) -> psycopg.Cursor[DictRow]:
    """Limits and use of the mailboxes of one account, or of all; in a pipeline, once that ends."""
    return connection.execute(
        query("ledger/dispatch", "mailbox_capacities"),
        {"now": now, "account_id": account_id, "window_days": WINDOW_DAYS},
        prepare=True,
    )


def recipient_limit_rows(
    connection: psycopg.Connection[DictRow], *, now: datetime, account_id: int
) -> psycopg.Cursor[DictRow]:
    """The limits of recipient domains, and what the account's sending domains have used of them this hour."""
    values = {"now": now, "account_id": account_id}
    return connection.execute(query("ledger/recipient_limits", "recipient_limits_now"), values, prepare=True)


def recipient_limits_of(rows: Iterable[Mapping[str, Any]], domain_ids: Iterable[int]) -> RecipientLimits:
    """The limits of recipient domains, and what these sending domains have left of them."""
    found, known = list(rows), set(domain_ids)
    return RecipientLimits(
        family_of={domain: row["family"] for row in found for domain in row["domains"]},
        hourly={row["family"]: row["hourly_limit"] for row in found},
        remaining={
            (domain_id, row["family"]): max(0, row["hourly_limit"] - row["used"].get(str(domain_id), 0))
            for row in found
            for domain_id in known
        },
    )


def mailbox_of(row: Mapping[str, Any]) -> Mailbox:
    """The row's mailbox with its domain and account."""
    spread, stage = row["account_spread"], row["warm_up_stage"]
    return Mailbox(
        **{name: row[name] for name in _SAME_NAMES},
        status=SenderStatus(row["status"]),
        domain_status=SenderStatus(row["domain_status"]),
        account_status=SenderStatus(row["account_status"]),
        account_spread=None if spread is None else Spread(spread),
        put_off=_put_off(row, "put_off"),
        account_put_off=_put_off(row, "account_put_off"),
        warm_up=None if stage is None else WarmUp(stage, row["warm_up_cut_limit"]),
        warm_up_curve=curve_of(row["warm_up_curve"]),
    )


def standing_of(row: Mapping[str, Any]) -> Standing | None:
    """What is known of the row's mailbox if it was refused lately; None where all is well."""
    if row["put_off_since"] is None and row["account_put_off_since"] is None and not row["refused_in_a_row"]:
        return None
    is_put_off = row["put_off_count"] > 0 or row["account_put_off_count"] > 0
    return Standing(row["refused_in_a_row"], is_put_off, last_send_id=row["refused_send_id"] or 0)


def _put_off(row: Mapping[str, Any], of: str) -> PutOff | None:
    if row[f"{of}_since"] is None:
        return None
    return PutOff(row[f"{of}_since"], row[f"{of}_until"], row[f"{of}_count"], row[f"{of}_reply"])


def sender_of(row: Mapping[str, Any]) -> Sender:
    """The row's mailbox as a mail's sender."""
    return Sender(address=row["address"], display_name=row["display_name"], domain=row["domain"])


def channel_of(row: Mapping[str, Any], account: Mapping[str, Any]) -> Channel:
    """What it takes to send as the row's mailbox of that account; a mailbox's own secret goes before its account's."""
    return Channel(
        mailbox_id=row["mailbox_id"],
        provider=row["provider"],
        config=dict(account["config"]),
        user_name=row["user_name"],
        secret_ref=row["secret_ref"] or row["account_secret_ref"],
        domain=row["domain"],
        dkim_keys=_dkim_keys(row["dkim_keys"]),
    )


@lru_cache(maxsize=256)
def _dkim_keys(text: str) -> tuple[DkimKeyRef, ...]:
    return tuple(DkimKeyRef(**key) for key in json.loads(text))
