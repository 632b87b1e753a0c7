"""The linear algebra of a suggestion keeps to one thread."""

from __future__ import annotations

from typing import Any

import pytest
import scipy.linalg  # noqa: F401 - its BLAS is another than numpy's
from threadpoolctl import threadpool_info, threadpool_limits

from automl_core import Optimizer
from automl_core.search.threads import one_thread


def threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads() -> Any:
    with threadpool_limits(2, user_api="blas"):
        yield


def test_there_is_one_thread_meanwhile_and_as_many_as_before_after_it() -> None:
    assert threads() == {2}
    with one_thread():
        assert threads() == {1}
    assert threads() == {2}


@pytest.mark.parametrize(
    ("algorithm", "module"),
    [
        ("bayesian", "automl_core.search.bayesian.gp"),
        ("mobster", "automl_core.search.freeze_thaw.model"),
        ("freeze_thaw", "automl_core.search.freeze_thaw.model"),
    ],
)
def test_models_are_fitted_in_one_thread(algorithm: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    fitted: list[set[int]] = []
    library = importlib.import_module(module)
    minimize = library.minimize

    def watched(*args: Any, **kwargs: Any) -> Any:
        fitted.append(threads())
        return minimize(*args, **kwargs)

    monkeypatch.setattr(library, "minimize", watched)
    budget = None if algorithm == "bayesian" else {"min": 1, "max": 9, "factor": 3}
    optimizer = Optimizer(
        {"x": {"type": "uniform", "low": 0, "high": 1}}, algorithm=algorithm, budget=budget, initial_trials=4
    )
    for _ in range(8):
        trial = optimizer.ask()
        assert trial is not None
        optimizer.tell(trial, abs(float(trial.params["x"]) - 0.3))  # type: ignore[arg-type]
    assert fitted
    assert all(each == {1} for each in fitted)
