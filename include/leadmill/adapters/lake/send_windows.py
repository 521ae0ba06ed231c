"""Time zones and local-hour history in DuckDB: one session is one run over the lake and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leadmill.adapters.lake.duck import Lake
from leadmill.adapters.lake.projection import Projection
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.time_zones import zones_by_country, zones_by_phone_prefix
from leadmill.domain import send_time, time_zones
from leadmill.domain.send_time import HOURS_PER_WEEK
from leadmill.ports.scoring import Need
from leadmill.ports.send_windows import HourCounts, WindowsPublished
from leadmill.sql import query

BATCH_LEADS = 16_384
"""Leads with an own history per batch: two arrays of 168 doubles each, about 45 MiB."""

_WINDOWS = Projection(
    "lead_windows", "ledger/lead_windows", "clear_incoming_windows", "upsert_lead_windows", "window_need"
)


class LakeWindowSession:
    """One run: zones and evidence are made once, curves are kept, then everything is published."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, database: Database, *, as_of: datetime) -> None:
        self._duck = duck
        self._database = database
        self._as_of = as_of
        self._prepare()

    def zone_counts(self) -> HourCounts:
        table = self._run("zone_counts").to_arrow_table()
        names, rows = np.unique(table.column("time_zone").to_numpy(), return_inverse=True)
        hours = table.column("local_hour").to_numpy()
        answered, delivered = np.zeros((2, len(names), HOURS_PER_WEEK))
        answered[rows, hours] = table.column("answered").to_numpy()
        delivered[rows, hours] = table.column("delivered").to_numpy()
        return HourCounts(tuple(map(str, names)), answered, delivered)

    def own_counts(self) -> Iterator[HourCounts]:
        wanted = {"least_mails": send_time.MIN_OWN_MAILS, "least_answers": send_time.MIN_OWN_ANSWERS}
        reader = self._duck.cursor().execute(query("lake/send_windows", "own_counts"), wanted)
        for batch in reader.to_arrow_reader(BATCH_LEADS):
            lists = batch.column("local_hours")
            rows = np.repeat(np.arange(batch.num_rows), np.diff(lists.offsets.to_numpy()))
            hours = lists.flatten().to_numpy(zero_copy_only=False)
            answered, delivered = np.zeros((2, batch.num_rows, HOURS_PER_WEEK))
            np.add.at(delivered, (rows, hours), 1)
            np.add.at(answered, (rows, hours), batch.column("answers").flatten().to_numpy(zero_copy_only=False))
            zones = tuple(batch.column("time_zone").to_pylist())
            yield HourCounts(zones, answered, delivered, np.asarray(batch.column("lead_id").to_numpy(), dtype=np.int64))

    def keep_zones(
        self, zones: tuple[str, ...], hours: NDArray[np.int16], confidence: NDArray[np.float64], basis: str
    ) -> None:
        self._add(
            "add_zone_windows",
            time_zone=list(zones),
            local_hours=_lists(hours),
            confidence=confidence,
            basis=[basis] * len(zones),
        )

    def keep_own(self, lead_ids: NDArray[np.int64], hours: NDArray[np.int16], confidence: NDArray[np.float64]) -> None:
        self._add("add_own_windows", lead_id=lead_ids, local_hours=_lists(hours), confidence=confidence)

    def publish(self) -> WindowsPublished:
        self._run("make_windows")

        def stage() -> None:
            self._run("make_changed_windows")
            self._run("append_window_history", as_of=self._as_of)
            self._run("stage_changed_windows")

        if not _WINDOWS.publish(self._database, stage, as_of=self._as_of):
            return WindowsPublished(planned=0, changed=0, by_basis={}, by_zone_source={}, is_stale=True)
        row = self._run("count_windows").fetchone() or (0, 0, None, None)
        return WindowsPublished(int(row[0]), int(row[1]), dict(row[2] or {}), dict(row[3] or {}))

    def _prepare(self) -> None:
        self._run("make_window_tables")
        countries = zones_by_country()
        self._add(
            "add_country_zones",
            country=[c.country for c in countries],
            time_zone=[c.time_zone for c in countries],
            confidence=[c.confidence for c in countries],
            country_domain=[c.country not in time_zones.GENERIC_COUNTRY_DOMAINS for c in countries],
        )
        prefixes, zones = zip(*zones_by_phone_prefix(), strict=True)
        self._add("add_prefix_zones", prefix=list(prefixes), time_zone=list(zones))
        self._run(
            "make_lead_zones",
            as_of=self._as_of,
            email_domain_factor=time_zones.EMAIL_DOMAIN_FACTOR,
            file_confidence=time_zones.FILE_CONFIDENCE,
            phone_confidence=time_zones.PHONE_CONFIDENCE,
            default_zone=time_zones.DEFAULT_ZONE,
            default_confidence=time_zones.DEFAULT_CONFIDENCE,
        )
        self._duck.execute(query("lake/features", "make_send_outcomes"), {"as_of": self._as_of})
        self._run(
            "make_hour_evidence",
            open_weight=send_time.OPEN_WEIGHT,
            click_weight=send_time.CLICK_WEIGHT,
            reply_weight=send_time.REPLY_WEIGHT,
        )

    def _run(self, name: str, **parameters: object) -> duckdb.DuckDBPyConnection:
        return self._duck.execute(query("lake/send_windows", name), parameters or None)

    def _add(self, statement: str, **columns: Any) -> None:
        self._duck.register("batch", pa.table(columns))
        self._run(statement)
        self._duck.unregister("batch")


class LakeWindowBook:
    """Leads, their zones and their windows, over the lake and the ledger."""

    def __init__(self, lake: Lake, database: Database) -> None:
        self._lake = lake
        self._database = database

    def need(self, *, as_of: datetime) -> Need:
        return _WINDOWS.needed(self._database, as_of=as_of)

    @contextmanager
    def session(self, *, as_of: datetime) -> Iterator[LakeWindowSession]:
        with self._lake.connect() as duck:
            yield LakeWindowSession(duck, self._database, as_of=as_of)


def _lists(hours: NDArray[np.int16]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(hours).reshape(-1)), hours.shape[-1])
