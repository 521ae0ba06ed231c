"""Train the bootstrap champion on simulated history and write it beside its card. Deterministic.

Usage: python models/lead_score/train_bootstrap.py

Features come from the same statements as in production (`sql/lake/features.sql`). Slices follow each other in time: the
booster learns from the early ones, its calibration from a later one, and the card's figures from the last.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import xgboost as xgb  # noqa: TID253 - a training script has nothing else to do
from simulated_history import open_history

from leadmill.adapters.lake.scoring import FeatureTables
from leadmill.domain.calibration import area_under_curve, calibration_error, fit_line, log_loss, sigmoid
from leadmill.domain.lead_score import HORIZON_DAYS

HERE = Path(__file__).parent
NAME = "lead-score-bootstrap-1"
EVERYBODY = 10_000_000

Slice = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Simulate, train, calibrate, evaluate, write."""
    parameters = json.loads((HERE / "parameters.json").read_text())
    names = tuple(f["name"] for f in json.loads((HERE / "features.json").read_text())["features"])
    simulation = parameters["simulation"]
    duck = open_history(simulation, parameters["seed"])
    start = datetime.fromisoformat(f"{simulation['started_on']}T00:00:00+00:00")
    train = [_slice(duck, start, cut, names) for cut in simulation["train_cuts_days"]]
    matrix, responded = np.concatenate([s[0] for s in train]), np.concatenate([s[1] for s in train])
    booster = _train(matrix, responded, names, parameters)
    held_out, outcome = _slice(duck, start, simulation["calibration_cut_days"], names)
    slope, intercept = fit_line(_margin(booster, held_out), outcome)
    test, truth = _slice(duck, start, simulation["test_cut_days"], names)
    said = sigmoid(_margin(booster, test) * slope + intercept)
    metadata = {
        "name": NAME,
        "trained_on": "simulated history, no real person",
        "base_rate": round(float(responded.mean()), 6),
        "calibration": {"slope": round(slope, 6), "intercept": round(intercept, 6)},
        "rows": {"train": int(responded.size), "calibration": int(outcome.size), "test": int(truth.size)},
        "test": _figures(said, truth, base_rate=float(responded.mean())),
        "xgboost": xgb.__version__,
        "seed": parameters["seed"],
    }
    booster.save_model(HERE / "champion.ubj")
    (HERE / "champion.json").write_text(json.dumps(metadata, indent=2) + "\n")
    print(json.dumps(metadata, indent=2))


def _slice(duck: duckdb.DuckDBPyConnection, start: datetime, cut: int, names: tuple[str, ...]) -> Slice:
    """Leads mailed in the 30 days after the cut: features at the cut, outcome in those days."""
    since = start + timedelta(days=cut)
    tables = FeatureTables(duck, as_of=since + timedelta(days=HORIZON_DAYS))
    return tables.cohort(since=since, most=EVERYBODY, features=names)


def _train(
    matrix: np.ndarray, responded: np.ndarray, names: tuple[str, ...], parameters: dict[str, Any]
) -> xgb.Booster:
    monotone = tuple(parameters["monotone"].get(name, 0) for name in names)
    settings = {**parameters["booster"], "seed": parameters["seed"], "monotone_constraints": str(monotone)}
    learned_from = xgb.QuantileDMatrix(matrix, responded.astype(np.float32), max_bin=settings["max_bin"])
    return xgb.train(settings, learned_from, parameters["rounds"])


def _margin(booster: xgb.Booster, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)


def _figures(said: np.ndarray, truth: np.ndarray, *, base_rate: float) -> dict[str, float]:
    constant = np.full(truth.size, base_rate)
    top = np.argsort(-said, kind="stable")[: max(1, truth.size // 10)]
    return {
        "rate": round(float(truth.mean()), 4),
        "auc": round(area_under_curve(said, truth), 4),
        "log_loss": round(log_loss(said, truth), 4),
        "log_loss_base_rate": round(log_loss(constant, truth), 4),
        "calibration_error": round(calibration_error(said, truth), 4),
        "calibration_error_base_rate": round(calibration_error(constant, truth), 4),
        "lift_top_tenth": round(float(truth[top].mean() / truth.mean()), 2),
    }


if __name__ == "__main__":
    main()
