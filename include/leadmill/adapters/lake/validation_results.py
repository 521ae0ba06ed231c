"""How batches of leads were judged, kept in the lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from leadmill.adapters.lake.duck import Lake
from leadmill.domain.lead_files import ExpectationResult
from leadmill.sql import query

_SQL = "lake/lead_files"
_SUITE = "lead_batch"


class LakeValidationHistory:
    """`lake.validation_results`; shares and counts only, no values of leads."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def keep(self, lead_file_id: int, results: Sequence[ExpectationResult], *, as_of: datetime) -> None:
        import pyarrow as pa

        names = ("expectation", "column_name", "severity", "success", "observed", "expected")
        table = pa.table({name: [getattr(result, name) for result in results] for name in names})
        with self._lake.connect() as duck:
            duck.register("results", table)
            duck.begin()
            duck.execute(query(_SQL, "clear_validation_results"), {"lead_file_id": lead_file_id})
            duck.execute(
                query(_SQL, "keep_validation_results"),
                {"lead_file_id": lead_file_id, "suite": _SUITE, "checked_at": as_of},
            )
            duck.commit()

    def of(self, lead_file_id: int) -> list[dict[str, Any]]:
        with self._lake.connect(read_only=True) as duck:
            cursor = duck.execute(query(_SQL, "validation_results_of"), {"lead_file_id": lead_file_id})
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
