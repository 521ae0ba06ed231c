"""What the lake's events prove, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from leadmill.adapters.lake.duck import Lake
from leadmill.domain.evidence import STATE_OF_KIND
from leadmill.domain.sends import EVIDENCE_RANK
from leadmill.ports.collecting import Evidence, SendEvidence, SuppressionEvidence
from leadmill.sql import query

_EVENTS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class LakeEvidence:
    """Reads evidence over one DuckDB connection."""

    duck: duckdb.DuckDBPyConnection

    def evidence_after(self, position: int) -> Evidence | None:
        batches = self.duck.execute(_sql("batches_after"), {"position": position}).fetchall()
        if not batches:
            return None
        taken, events = [batches[0]], batches[0][1]
        for batch in batches[1:]:
            events += batch[1]
            if events > _EVENTS_AT_ONCE:
                break
            taken.append(batch)
        upto = int(taken[-1][0])
        span = {"first_read_at": min(b[2] for b in taken), "last_read_at": max(b[3] for b in taken)}
        self.duck.execute(_sql("collect_evidence"), {**span, "position": position, "upto": upto})
        sends = _columns(self.duck.execute(_sql("send_evidence")).fetchall(), 9)
        suppressions = _columns(self.duck.execute(_sql("suppression_evidence")).fetchall(), 6)
        return Evidence(upto, SendEvidence(*sends), SuppressionEvidence(*suppressions))

    def latest_batch(self, *, before: datetime | None = None) -> int:
        """The last batch that was read, of all or of those `before` a moment (aware UTC); 0 where there is none."""
        row = self.duck.execute(_sql("latest_batch"), {"before": before}).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def open_lake_evidence(lake: Lake) -> Iterator[LakeEvidence]:
    """Evidence over a connection of its own, closed at the end of the block."""
    with lake.connect(read_only=True) as duck:
        duck.execute("create temp table proving_kinds (kind varchar, state varchar, state_rank smallint)")
        kinds = [{"kind": k.value, "state": s.value, "state_rank": EVIDENCE_RANK[s]} for k, s in STATE_OF_KIND.items()]
        duck.register("kinds", pa.Table.from_pylist(kinds))
        duck.execute("insert into proving_kinds by name select * from kinds")
        yield LakeEvidence(duck)


def _sql(name: str) -> str:
    return query("lake/evidence", name)


def _columns(rows: list[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
