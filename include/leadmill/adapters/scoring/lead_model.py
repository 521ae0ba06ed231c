"""The lead-score champion: an XGBoost booster with its features, calibration and card, from a folder."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadmill.domain.lead_score import Feature
from leadmill.errors import ConfigInvalid

if TYPE_CHECKING:
    import xgboost

BUNDLED = Path(__file__).resolve().parents[4] / "models"
"""The repository's `models/`, beside `include/`."""

_THREADS = 2
_LEAF = -1  # XGBoost's mark for a node without children
_UNKNOWN = 255


class XgboostLeadModel:
    """Reads `champion.ubj`, `champion.json` and `features.json`; nothing is loaded before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return str(self._metadata["name"])

    @property
    def base_rate(self) -> float:
        return float(self._metadata["base_rate"])

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        return tuple(
            Feature(f["name"], tuple(map(float, f["edges"])), tuple(f["labels"]), f["unknown"])
            for f in self._json("features.json")["features"]
        )

    def log_odds(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        margin = np.asarray(self._booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)
        return margin * self._slope + float(self._metadata["calibration"]["intercept"])

    def effects(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        import xgboost as xgb

        # Exact SHAP costs some 30 times a prediction, and rows that fall between the same split points of every tree
        # have the same effects: explain one of each.
        _, first, same = np.unique(self._between_splits(matrix), axis=0, return_index=True, return_inverse=True)
        contributions = self._booster.predict(xgb.DMatrix(matrix[first], nthread=_THREADS), pred_contribs=True)
        effects = np.asarray(contributions[:, :-1] * self._slope, dtype=np.float32)  # the last column is the bias
        return np.asarray(effects[same.reshape(-1)])

    def _between_splits(self, matrix: NDArray[np.float32]) -> NDArray[np.uint8]:
        """How many of a feature's split points each value reaches, shape of `matrix`; 255 where it is unknown."""
        places = np.empty(matrix.shape, dtype=np.uint8)
        for number, points in enumerate(self._splits):
            column = matrix[:, number]
            places[:, number] = np.where(np.isnan(column), _UNKNOWN, np.searchsorted(points, column, side="right"))
        return places

    @cached_property
    def _splits(self) -> tuple[NDArray[np.float32], ...]:
        found: list[set[float]] = [set() for _ in self.features]
        model = json.loads(self._booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
        for tree in model["trees"]:
            parts = zip(tree["left_children"], tree["split_indices"], tree["split_conditions"], strict=True)
            for left, feature, point in parts:
                if left != _LEAF:
                    found[feature].add(point)
        points = tuple(np.array(sorted(each), dtype=np.float32) for each in found)
        if any(len(each) >= _UNKNOWN for each in points):
            raise ConfigInvalid(f"{self.name} splits a feature at over 254 points; train it with a smaller max_bin.")
        return points

    @property
    def _slope(self) -> float:
        return float(self._metadata["calibration"]["slope"])

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        return self._json("champion.json")

    @cached_property
    def _booster(self) -> xgboost.Booster:
        import xgboost as xgb

        path = self._folder / "champion.ubj"
        if not path.is_file():
            raise ConfigInvalid(f"No champion.ubj in {self._folder.name}/; `train_bootstrap.py` beside it makes one.")
        booster = xgb.Booster(model_file=str(path))
        booster.set_param({"nthread": _THREADS})
        return booster

    def _json(self, name: str) -> dict[str, Any]:
        path = self._folder / name
        if not path.is_file():
            raise ConfigInvalid(f"No {name} in {self._folder.name}/; set LEADMILL_MODELS_DIR to the models folder.")
        return dict(json.loads(path.read_text()))
