"""The champion as it lies in the repository: it loads, explains what it says, and agrees with its features."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from leadmill.adapters.scoring.lead_model import BUNDLED, XgboostLeadModel
from leadmill.domain.calibration import sigmoid
from leadmill.errors import ConfigInvalid
from leadmill.sql import query

FOLDER = BUNDLED / "lead_score"
MODEL = XgboostLeadModel(FOLDER)
NAMES = [feature.name for feature in MODEL.features]


def rows(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    matrix = random.integers(0, 8, (count, len(NAMES))).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix


def test_the_effects_add_up_to_what_the_model_says() -> None:
    matrix = rows(500)
    rest = MODEL.log_odds(matrix) - MODEL.effects(matrix).sum(axis=1)
    assert rest == pytest.approx(np.full(500, rest[0]), abs=1e-4)


def test_every_feature_is_made_by_the_sql_and_has_a_label_for_every_band() -> None:
    made = re.findall(r"as (\w+),?\n", query("lake/features", "make_feature_rows"))
    assert set(NAMES) <= set(made)
    assert all(len(feature.labels) == len(feature.edges) + 1 for feature in MODEL.features)


@pytest.mark.parametrize("name", ["clicked_30d", "replied_365d", "opened_365d", "consented"])
def test_more_answers_and_consent_never_lower_a_score(name: str) -> None:
    matrix = np.nan_to_num(rows(300))
    more = matrix.copy()
    more[:, NAMES.index(name)] += 1
    assert (MODEL.log_odds(more) >= MODEL.log_odds(matrix) - 1e-6).all()


def test_the_card_tells_the_figures_of_the_champion() -> None:
    card, champion = (FOLDER / "README.md").read_text(), json.loads((FOLDER / "champion.json").read_text())
    assert champion["name"] in card
    assert f"{champion['test']['auc']:.4f}" in card
    assert f"{champion['test']['log_loss']:.4f}" in card
    assert f"{champion['base_rate']:.1%}".replace("%", " %") in card
    assert 0 < sigmoid(MODEL.log_odds(rows(1)))[0] < 1


def test_a_missing_champion_says_what_to_set(tmp_path) -> None:
    with pytest.raises(ConfigInvalid, match="LEADMILL_MODELS_DIR"):
        XgboostLeadModel(tmp_path).name  # noqa: B018 - reading it is the test
