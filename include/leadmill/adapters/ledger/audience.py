"""Segments over the ledger's leads."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.database import Database
from leadmill.domain.segments import Segment
from leadmill.ports.audience import AudiencePreview, FieldGap, SampleLead
from leadmill.ports.content import Recipient
from leadmill.sql import query

_SUBJECT = "ledger/audience"


class PostgresAudience:
    """Counts and samples of segments, one statement each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def preview(self, segment: Segment, pool_id: int | None) -> AudiencePreview:
        values = {"segment": Jsonb(segment.to_json()), "pool_id": pool_id}
        with self._database.transaction() as connection:
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

    def field_gaps(self, segment: Segment, pool_id: int | None, names: Sequence[str]) -> list[FieldGap]:
        values = {"segment": Jsonb(segment.to_json()), "pool_id": pool_id, "names": sorted(names)}
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "field_gaps"), values)
            return [FieldGap(**{**row, "present": frozenset(row["present"])}) for row in rows]
