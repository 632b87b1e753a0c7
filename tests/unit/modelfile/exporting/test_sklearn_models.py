"""scikit-learn's estimators, against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import dummy, ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.exceptions import ConvergenceWarning

from automl_core.modelfile.exporting import NotExportable, from_sklearn
from automl_core.modelfile.scoring.links import link_of
from automl_core.modelfile.scoring.models import NotExplained, model_of
from tests.unit.modelfile.libraries import data, same_alone

TREES = {
    "binary": [
        ensemble.HistGradientBoostingClassifier(max_iter=15, min_samples_leaf=4, categorical_features=[8]),
        ensemble.HistGradientBoostingClassifier(max_iter=5),
        ensemble.RandomForestClassifier(8, random_state=1),
        ensemble.ExtraTreesClassifier(8, random_state=1),
        tree.DecisionTreeClassifier(random_state=1),
    ],
    "multiclass": [
        ensemble.HistGradientBoostingClassifier(max_iter=15, min_samples_leaf=4, categorical_features=[8]),
        ensemble.RandomForestClassifier(8, random_state=1),
    ],
    "regression": [
        ensemble.HistGradientBoostingRegressor(max_iter=15, min_samples_leaf=4, categorical_features=[2, 8]),
        ensemble.HistGradientBoostingRegressor(max_iter=5, loss="poisson"),
        ensemble.RandomForestRegressor(8, random_state=1),
        ensemble.ExtraTreesRegressor(8, random_state=1),
        tree.DecisionTreeRegressor(random_state=1, max_depth=5),
    ],
}

PLAIN = {
    "binary": [
        linear_model.LogisticRegression(),
        linear_model.SGDClassifier(loss="log_loss", random_state=1),
        neural_network.MLPClassifier((9, 5), max_iter=20, random_state=1),
        naive_bayes.GaussianNB(),
        neighbors.KNeighborsClassifier(7),
        neighbors.KNeighborsClassifier(5, weights="distance", p=1),
        dummy.DummyClassifier(strategy="prior"),
    ],
    "multiclass": [
        linear_model.LogisticRegression(),
        linear_model.SGDClassifier(loss="log_loss", random_state=1),
        neural_network.MLPClassifier((9,), activation="tanh", max_iter=20, random_state=1),
        naive_bayes.GaussianNB(),
        neighbors.KNeighborsClassifier(7, weights="distance"),
    ],
    "regression": [
        linear_model.Ridge(),
        linear_model.PoissonRegressor(),
        linear_model.TweedieRegressor(power=1.5),
        neural_network.MLPRegressor(hidden_layer_sizes=(9,), activation="logistic", max_iter=20, random_state=1),
        neighbors.KNeighborsRegressor(4),
        neighbors.KNeighborsRegressor(4, weights="distance"),
        svm.SVR(),
        dummy.DummyRegressor(),
    ],
}


def cases(held: dict[str, list[Any]]) -> list[Any]:
    return [pytest.param(kind, each, id=f"{kind}-{each}"[:60]) for kind, all_ in held.items() for each in all_]


def compare(kind: str, estimator: Any, *, gaps: bool) -> None:
    held = data(kind, gaps=gaps)
    if isinstance(estimator, ensemble.HistGradientBoostingRegressor) and estimator.categorical_features == [2, 8]:
        codes = [np.abs(np.round(each[:, 2] * 2)) for each in (held.x, held.strange)]
        held.x[:, 2], held.strange[:, 2] = codes
    estimator.fit(held.x, held.y)
    exported = from_sklearn(estimator)
    model, matrix = model_of(exported.model), held.matrix(held.strange)
    outputs = link_of(exported.link)(model.margin(matrix))
    strange = np.where(
        np.abs(held.strange) > 1e30, 1.0, held.strange
    )  # scikit-learn's forests refuse what float32 has not
    matrix = held.matrix(strange)
    outputs = link_of(exported.link)(model.margin(matrix))
    told = estimator.predict(strange)[:, None] if kind == "regression" else estimator.predict_proba(strange)
    np.testing.assert_allclose(outputs, told, rtol=1e-9, atol=1e-9)
    for row in range(0, len(matrix), 11):
        np.testing.assert_array_equal(model.margin(matrix.take([row])), model.margin(matrix)[row : row + 1])
    same_alone(model, matrix)
    try:
        found = model.explain(matrix)
    except NotExplained:
        assert exported.model["type"] in ("dense", "neighbours", "svm")
    else:
        np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), model.margin(matrix), atol=1e-9)


@pytest.mark.parametrize(("kind", "estimator"), cases(TREES))
def test_trees(kind: str, estimator: Any) -> None:
    compare(kind, estimator, gaps=True)


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
@pytest.mark.parametrize(("kind", "estimator"), cases(PLAIN))
def test_plain_models(kind: str, estimator: Any) -> None:
    compare(kind, estimator, gaps=False)


def test_counts_and_machines() -> None:
    held = data("binary", gaps=False)
    counts = np.abs(np.round(held.x))
    for estimator in (naive_bayes.MultinomialNB(), naive_bayes.BernoulliNB(binarize=None)):
        rows = counts if isinstance(estimator, naive_bayes.MultinomialNB) else (counts > 0).astype(float)
        exported = from_sklearn(estimator.fit(rows, held.y))
        found = link_of(exported.link)(model_of(exported.model).margin(held.matrix(rows)))
        np.testing.assert_allclose(found, estimator.predict_proba(rows), atol=1e-9)
    machine = svm.SVC().fit(held.x, held.y)
    margin = model_of(from_sklearn(machine).model).margin(held.matrix(held.strange))
    np.testing.assert_allclose(margin[:, 0], machine.decision_function(held.strange), atol=1e-9)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (svm.SVC(kernel="poly"), "'poly'"),
        (linear_model.SGDClassifier(), "hinge"),
        (ensemble.AdaBoostClassifier(), "AdaBoostClassifier"),
        (neighbors.KNeighborsClassifier(metric="cosine"), "cosine"),
        (neighbors.KNeighborsClassifier(metric_params={"w": np.arange(1.0, 10.0)}), r"minkowski with p=2, w=\["),
        (svm.SVC(probability=True), "probability=True"),
    ],
)
def test_what_is_not_known_is_named(estimator: Any, why: str) -> None:
    held = data("binary", gaps=False)
    with pytest.raises(NotExportable, match=why):
        from_sklearn(estimator.fit(held.x, held.y))


def test_forests_with_few_values_in_their_leaves_have_a_palette() -> None:
    held = data("binary", gaps=False)
    exported = from_sklearn(ensemble.RandomForestClassifier(8, random_state=1).fit(held.x, held.y))
    assert len(exported.model["palette"]) < len(exported.model["value"])
    assert exported.model["value"].dtype == np.uint8
