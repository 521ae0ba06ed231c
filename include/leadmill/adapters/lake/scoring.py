"""Features and scores in DuckDB: one session is one run over the lake and the ledger."""

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
from leadmill.domain.lead_score import History
from leadmill.ports.scoring import Need, Published, ScoreReasons
from leadmill.sql import query

BATCH_ROWS = 65_536
"""Combinations per batch: about 15 MiB with their effects; whole multiples of DuckDB's 2,048-row vectors."""

_SCORES = Projection("lead_scores", "ledger/lead_scores", "clear_incoming_scores", "upsert_lead_scores", "scoring_need")


class FeatureTables:
    """Features by the statements of `sql/lake/features.sql`, in a connection that holds `lake` and `pg`."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, *, as_of: datetime) -> None:
        self.duck = duck
        self.as_of = as_of

    def run(self, name: str, subject: str = "lake/features", **parameters: object) -> duckdb.DuckDBPyConnection:
        """Execute one named statement."""
        return self.duck.execute(query(subject, name), parameters or None)

    def history(self) -> History:
        """How much was delivered and answered in the year before `as_of`."""
        self.run("make_send_outcomes", as_of=self.as_of)
        row = self.run("count_history").fetchone()
        return History(int(row[0]), int(row[1])) if row else History(0, 0)

    def cohort(
        self, *, since: datetime, most: int, features: tuple[str, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Leads mailed between `since` and `as_of`: features as they were at `since`, and whether a person answered."""
        self.run("make_send_outcomes", as_of=self.as_of)
        self.run("make_mailed_leads", since=since, as_of=self.as_of, most=most)
        self.run("make_send_outcomes", as_of=since)
        self.run("make_feature_rows", as_of=since)
        table = self.run("labelled_features").to_arrow_table()
        return _matrix(table, features), np.asarray(table.column("responded"), dtype=np.bool_)

    def vectors(self, features: tuple[str, ...]) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.float32]]]:
        """Every distinct combination of features of the living leads, in batches."""
        self.run("make_send_outcomes", as_of=self.as_of)
        self.run("make_wanted_leads", as_of=self.as_of)
        self.run("make_feature_rows", as_of=self.as_of)
        self.run("make_vectors")
        reader = self.duck.cursor().execute(query("lake/features", "vectors")).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            yield np.asarray(batch.column("vector_id"), dtype=np.uint64), _matrix(batch, features)


class LakeScoringSession(FeatureTables):
    """One run: features in, predictions kept in DuckDB, then published."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, database: Database, *, as_of: datetime) -> None:
        super().__init__(duck, as_of=as_of)
        self._database = database
        duck.execute(query("lake/lead_scores", "make_predictions"))

    def keep(self, vector_ids: NDArray[np.uint64], probability: NDArray[np.float64], reasons: ScoreReasons) -> None:
        self._add("add_predictions", "prediction_batch", vector_id=vector_ids, probability=probability)
        self._add(
            "add_reasons",
            "reason_batch",
            vector_id=reasons.vector_ids,
            rank=reasons.ranks,
            code=reasons.codes,
            effect=reasons.effects,
        )

    def publish(self, labels: list[tuple[int, str, str]], *, model: str) -> Published:
        codes, features, words = zip(*labels, strict=True)
        self._add("add_labels", "label_batch", code=list(codes), feature=list(features), label=list(words))
        self.run("make_scored", "lake/lead_scores")
        return self._publish(model=model, is_base_rate=False)

    def publish_base_rate(self, probability: float, *, label: str, model: str) -> Published:
        self.run("make_wanted_leads", as_of=self.as_of)
        self.run("make_base_rate_scored", "lake/lead_scores", probability=probability, label=label)
        return self._publish(model=model, is_base_rate=True)

    def _publish(self, *, model: str, is_base_rate: bool) -> Published:
        about: dict[str, object] = {"model": model, "is_base_rate": is_base_rate}

        def stage() -> None:
            self.run("make_changed_scores", "lake/lead_scores", **about)
            self.run("append_score_history", "lake/lead_scores", as_of=self.as_of, **about)
            self.run("stage_changed_scores", "lake/lead_scores")

        if not _SCORES.publish(self._database, stage, as_of=self.as_of, parameters=about):
            return Published(scored=0, changed=0, mean_probability=float("nan"), is_stale=True)
        row = self.run("count_scored", "lake/lead_scores").fetchone() or (0, None, 0)
        return Published(int(row[0]), int(row[2]), float(row[1]) if row[1] is not None else float("nan"))

    def _add(self, statement: str, name: str, **columns: Any) -> None:
        self.duck.register(name, pa.table(columns))
        self.run(statement, "lake/lead_scores")
        self.duck.unregister(name)


class LakeScoreBook:
    """Leads, their history and their scores, over the lake and the ledger."""

    def __init__(self, lake: Lake, database: Database) -> None:
        self._lake = lake
        self._database = database

    def need(self, *, as_of: datetime) -> Need:
        return _SCORES.needed(self._database, as_of=as_of)

    @contextmanager
    def session(self, *, as_of: datetime) -> Iterator[LakeScoringSession]:
        with self._lake.connect() as duck:
            yield LakeScoringSession(duck, self._database, as_of=as_of)


def _matrix(table: pa.Table | pa.RecordBatch, features: tuple[str, ...]) -> NDArray[np.float32]:
    columns = [np.asarray(table.column(name), dtype=np.float32) for name in features]
    return np.column_stack(columns)
