from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from automl_core.training.mlp import forward, probabilities


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("classes", [2, 3])
def test_numpy_says_what_scikit_learn_says(activation: str, classes: int) -> None:
    rows, truth = load_iris(return_X_y=True)
    rows, truth = rows[truth < classes], truth[truth < classes]
    network = MLPClassifier((5, 4), activation=activation, random_state=0)
    network.partial_fit(rows, truth, classes=range(classes))
    found = probabilities(forward(weights_of(network), rows, activation))
    assert np.allclose(found, network.predict_proba(rows), atol=1e-12)


def test_numbers_too() -> None:
    rows, truth = load_iris(return_X_y=True)
    network = MLPRegressor(hidden_layer_sizes=(5,), random_state=0).partial_fit(rows, truth)
    assert np.allclose(forward(weights_of(network), rows, "relu")[:, 0], network.predict(rows), atol=1e-12)


def weights_of(network: MLPClassifier | MLPRegressor) -> dict[str, np.ndarray]:
    found = {f"weight_{layer}": array for layer, array in enumerate(network.coefs_)}
    return found | {f"bias_{layer}": array for layer, array in enumerate(network.intercepts_)}
