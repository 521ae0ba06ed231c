"""Segments over the ledger's leads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.campaign_rows import days_of
from leadmill.adapters.ledger.database import Database
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.contact_rules import ANYBODY, ContactBounds
from leadmill.domain.segments import Segment
from leadmill.domain.send_days import FirstMails
from leadmill.domain.template_fields import LEAD_COLUMNS, AskedFields, variable_name
from leadmill.ports.audience import (
    AudiencePreview,
    ContactCount,
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


LOST_CAMPAIGN = "a campaign that was lost with a restore"
"""Its mails are known by the journal, its name is not."""

_CONTACT_COLUMNS = {"replied": "replied_to", "in_sequence": "in_sequence_of", "mailed_recently": "mailed_by"}
"""Which column of `ledger.audience` names the campaign of a kind of contact."""


class PostgresAudience:
    """Counts and samples of segments, one statement each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def preview(self, segment: Segment, pool_id: int | None, bounds: ContactBounds = ANYBODY) -> AudiencePreview:
        with self._database.transaction() as connection:
            values = {"segment": Jsonb(segment.to_json()), "accepts": _accepted(connection, pool_id)} | asdict(bounds)
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            rows = connection.execute(query(_SUBJECT, "audience_counts"), values).fetchall()
            return _preview_of(connection, rows)

    def sample(self, segment: Segment, limit: int) -> list[SampleLead]:
        values = {"segment": Jsonb(segment.to_json()), "limit": limit}
        with self._database.transaction() as connection:
            return [SampleLead(**row) for row in connection.execute(query(_SUBJECT, "sample_leads"), values)]

    def recipients(self, lead_ids: Sequence[int]) -> list[Recipient]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "recipients"), {"lead_ids": list(lead_ids)})
            return [Recipient(**row) for row in rows]

    def first_mails(self, draft: CampaignDraft, *, earliest: datetime, bounds: ContactBounds = ANYBODY) -> FirstMails:
        values: dict[str, Any] = {
            "segment": Jsonb(draft.segment.to_json()),
            "timing": draft.timing,
            "send_hour": draft.send_hour,
            "earliest": earliest,
            "ends_at": draft.ends_at,
            **days_of(draft),
            **asdict(bounds),
        }
        with self._database.transaction() as connection:
            values["accepts"] = _accepted(connection, draft.pool_id)
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            rows = connection.execute(query("ledger/schedule", "first_mails"), values).fetchall()
        due = [row for row in rows if not row["is_off"]]
        return FirstMails(
            {row["day"]: row["leads"] for row in due},
            sum(row["too_late"] for row in due),
            frozenset(row["day"] for row in rows if row["is_off"]),
        )

    def examine(
        self, segment: Segment, pool_id: int | None, fields: AskedFields, bounds: ContactBounds = ANYBODY
    ) -> ExaminedAudience:
        with self._database.transaction() as connection:
            values = _asked(segment, fields) | {"accepts": _accepted(connection, pool_id)} | asdict(bounds)
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            examined = values | {"gap_limit": GAPS_LIMIT}
            rows = connection.execute(query(_SUBJECT, "examine_audience"), examined).fetchall()
            counts = [row for row in rows if row["kind"] == "count"]
            preview = _preview_of(connection, counts)
        countries: Counter[tuple[str, str]] = Counter()
        for row in counts:
            if row["country"] is not None:
                countries[row["country"], row["legal_basis"]] += row["lead_count"]
        barred = sorted(countries.items(), key=lambda item: (-item[1], item[0]))
        return ExaminedAudience(
            preview,
            tuple(CountryGap(*place, lead_count) for place, lead_count in barred),
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
        self,
        segment: Segment,
        pool_id: int | None,
        fields: AskedFields,
        keys: Sequence[GapKey],
        limit: int,
        bounds: ContactBounds = ANYBODY,
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
            values = _asked(segment, fields) | groups | {"accepts": _accepted(connection, pool_id)} | asdict(bounds)
            rows = connection.execute(query(_SUBJECT, "addresses_of"), values)
            return [LeadAddress(**row) for row in rows]

    def addresses_of_contacts(
        self, segment: Segment, pool_id: int | None, bounds: ContactBounds, kind: str, limit: int
    ) -> list[LeadAddress]:
        asked = {"segment": Jsonb(segment.to_json())} | asdict(bounds)
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "allow_large_sorts"))
            values = asked | {"accepts": _accepted(connection, pool_id), "kind": kind, "row_limit": limit}
            rows = connection.execute(query("ledger/contacts", "addresses_of_contacts"), values)
            return [LeadAddress(**row) for row in rows]


def _preview_of(connection: psycopg.Connection[DictRow], rows: Sequence[DictRow]) -> AudiencePreview:
    """Counts by reason and by what other campaigns have with the leads, summed up."""
    left_out: Counter[str | None] = Counter()
    contacts: Counter[tuple[str, int]] = Counter()
    for row in rows:
        left_out[row["left_out"]] += row["lead_count"]
        if row["left_out"] is None or row["left_out"] in _CONTACT_COLUMNS:
            for kind, column in _CONTACT_COLUMNS.items():
                if row[column] is not None:
                    contacts[kind, row[column]] += row["lead_count"]
    mailed = left_out.pop(None, 0)
    names = _campaign_names(connection, {campaign_id for _, campaign_id in contacts})
    in_contact = tuple(
        ContactCount(*key, names.get(key[1], LOST_CAMPAIGN), count) for key, count in contacts.most_common()
    )
    counts = {reason: count for reason, count in left_out.items() if reason}
    return AudiencePreview(mailed + sum(counts.values()), mailed, counts, in_contact)


def _campaign_names(connection: psycopg.Connection[DictRow], campaign_ids: Collection[int]) -> dict[int, str]:
    if not campaign_ids:
        return {}
    rows = connection.execute(query("ledger/contacts", "campaign_names"), {"campaign_ids": sorted(campaign_ids)})
    return {row["campaign_id"]: row["name"] for row in rows}


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
