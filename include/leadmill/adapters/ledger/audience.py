"""Segments over the ledger's leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.campaign_rows import days_of
from leadmill.adapters.ledger.database import Database
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.segments import Segment
from leadmill.domain.send_days import FirstMails
from leadmill.domain.template_fields import LEAD_COLUMNS, AskedFields, variable_name
from leadmill.ports.audience import (
    AudiencePreview,
    CountryGap,
    ExaminedAudience,
    FieldGap,
    GapKey,
    LeadAddress,
    SampleLead,
)
from leadmill.ports.content import Recipient
from leadmill.sql import query

_SUBJECT = "ledger/audience"
GAPS_LIMIT = 2_000
"""Kinds of leads that pre-flight tries a mail on: each costs a rendering of every variant."""


class PostgresAudience:
    """Counts and samples of segments, one statement each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def preview(self, segment: Segment, pool_id: int | None) -> AudiencePreview:
        with self._database.transaction() as connection:
            values = {"segment": Jsonb(segment.to_json()), "accepts": _accepted(connection, pool_id)}
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            rows = connection.execute(query(_SUBJECT, "audience_counts"), values).fetchall()
        counts = {row["left_out"]: row["leads"] for row in rows}
        mailed = counts.pop(None, 0)
        return AudiencePreview(matched=mailed + sum(counts.values()), will_be_mailed=mailed, left_out=counts)

    def sample(self, segment: Segment, limit: int) -> list[SampleLead]:
        values = {"segment": Jsonb(segment.to_json()), "limit": limit}
        with self._database.transaction() as connection:
            return [SampleLead(**row) for row in connection.execute(query(_SUBJECT, "sample_leads"), values)]

    def recipients(self, lead_ids: Sequence[int]) -> list[Recipient]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "recipients"), {"lead_ids": list(lead_ids)})
            return [Recipient(**row) for row in rows]

    def first_mails(self, draft: CampaignDraft, *, earliest: datetime) -> FirstMails:
        values = {
            "segment": Jsonb(draft.segment.to_json()),
            "timing": draft.timing,
            "send_hour": draft.send_hour,
            "earliest": earliest,
            "ends_at": draft.ends_at,
            **days_of(draft),
        }
        with self._database.transaction() as connection:
            values["accepts"] = _accepted(connection, draft.pool_id)
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            rows = connection.execute(query("ledger/schedule", "first_mails"), values).fetchall()
        return FirstMails({row["day"]: row["leads"] for row in rows}, sum(row["too_late"] for row in rows))

    def examine(self, segment: Segment, pool_id: int | None, fields: AskedFields) -> ExaminedAudience:
        with self._database.transaction() as connection:
            values = _asked(segment, fields) | {"accepts": _accepted(connection, pool_id), "gap_limit": GAPS_LIMIT}
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            rows = connection.execute(query(_SUBJECT, "examine_audience"), values).fetchall()
        counts = [row for row in rows if row["kind"] == "count"]
        left_out: dict[str, int] = {}
        for row in counts:
            if row["left_out"]:
                left_out[row["left_out"]] = left_out.get(row["left_out"], 0) + row["lead_count"]
        mailed = sum(row["lead_count"] for row in counts if not row["left_out"])
        barred = [row for row in counts if row["country"] is not None]
        barred.sort(key=lambda row: (-row["lead_count"], row["country"]))
        return ExaminedAudience(
            AudiencePreview(mailed + sum(left_out.values()), mailed, left_out),
            tuple(CountryGap(row["country"], row["legal_basis"], row["lead_count"]) for row in barred),
            tuple(_gap_of(row) for row in rows if row["kind"] == "gap"),
        )

    def known_fields(self) -> frozenset[str]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "further_columns")).fetchall()
        return frozenset(filter(None, (variable_name(row["column_name"]) for row in rows)))

    def leads(self, lead_ids: Sequence[int]) -> list[SampleLead]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "leads_to_show"), {"lead_ids": list(lead_ids)})
            return [SampleLead(**row) for row in rows]

    def addresses_of(
        self, segment: Segment, pool_id: int | None, fields: AskedFields, keys: Sequence[GapKey], limit: int
    ) -> list[LeadAddress]:
        groups = {
            "has": [key[0] for key in keys],
            "further": [key[1] for key in keys],
            "categories": [key[2] for key in keys],
            "decided": [key[3] for key in keys],
            "row_limit": limit,
        }
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            values = _asked(segment, fields) | groups | {"accepts": _accepted(connection, pool_id)}
            rows = connection.execute(query(_SUBJECT, "addresses_of"), values)
            return [LeadAddress(**row) for row in rows]


def _accepted(connection: psycopg.Connection[DictRow], pool_id: int | None) -> list[str] | None:
    """The legal bases that a pool mails; None (any) without a pool."""
    row = connection.execute(query(_SUBJECT, "accepted_legal_bases"), {"pool_id": pool_id}).fetchone()
    return row["accepts_legal_bases"] if row else None


def _asked(segment: Segment, fields: AskedFields) -> dict[str, Any]:
    return {
        "segment": Jsonb(segment.to_json()),
        "names": sorted(fields.names),
        "asked": sum(1 << place for place, column in enumerate(LEAD_COLUMNS) if column in fields.names),
        "further_names": sorted(fields.names - set(LEAD_COLUMNS)),
        "deciding": sorted(fields.deciding - {"category"}),
    }


def _gap_of(row: DictRow) -> FieldGap:
    columns = {column for place, column in enumerate(LEAD_COLUMNS) if row["has"] >> place & 1}
    further = set(filter(None, row["further"].split(",")))
    key = (row["has"], row["further"], row["category"], row["decided"])
    return FieldGap(
        key,
        frozenset(columns | further),
        row["category"],
        row["lead_count"],
        tuple(sorted(filter(None, row["some_lead_ids"]))),
    )
