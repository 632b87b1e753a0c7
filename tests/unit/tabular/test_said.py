"""What a user says of columns and learners reaches each trial."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.tabular.learners.custom import Custom
from automl_core.tabular.options import Options
from automl_core.tabular.plan import said
from automl_core.tabular.prepared import prepare
from automl_core.tabular.trial import run_trial


class Mean:
    """Says the mean of each column's product with nothing: a learner of a user's own."""

    def fit(self, X: Any, y: Any) -> Mean:
        self.mean, self.columns = float(np.mean(y)), X.shape[1]
        return self

    def predict(self, X: Any) -> Any:
        assert X.shape[1] == self.columns
        return np.full(len(X), self.mean)


def table(n: int = 90) -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    data: dict[str, list[Any]] = {"a": rng.normal(size=n).tolist(), "b": rng.choice(list("xyz"), n).tolist()}
    return {**data, "y": (np.array(data["a"]) * 3 + rng.normal(size=n)).tolist()}


def names(model: dict[str, Any]) -> list[str]:
    return [each["step"] for each in model["features"]]


def test_featurization_column_by_column_and_off() -> None:
    assert said("auto") == {}
    assert said("off") == {"features.mode": "off"}
    assert said({"b": ["onehot", "hash"]}) == {"features.column.b": ["onehot", "hash"]}
    params = {"learner": "lightgbm", "lightgbm.iterations": 5}
    for featurization, steps in (({"b": "hash"}, ["numbers", "hashing"]), ("auto", ["numbers", "ordinal"])):
        prepared = prepare(table(), Options.of(target="y", featurization=featurization, folds=2, structure=False))
        result = run_trial(prepared, params)
        assert result.state == "succeeded", result.reason
        assert all(names(model) == steps for model in result.models if model)


def test_a_trial_of_a_learner_of_the_users_own() -> None:
    own = Custom(Mean, name="mean_of_mine")
    prepared = prepare(table(), Options.of(target="y", learners=[own], folds=2, structure=False))
    result = run_trial(prepared, {"learner": "mean_of_mine"})
    assert result.state == "succeeded", result.reason
    assert result.models == [None] * len(result.folds)  # numpy alone knows nothing of it
