"""A learner of the user's own: any class with scikit-learn's interface, and what may be searched of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners.base import (
    ALL,
    CannotFit,
    Document,
    Floats,
    Held,
    Learner,
    Wants,
    plain_weights,
)
from automl_core.tabular.learners.scikit import FittedScikit
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape
from automl_core.training.problems import TrainingError

MATRICES: Mapping[str, Wants] = {
    "dense": Wants(categories="onehot", gaps=False, scaled=True),
    "filled": Wants(categories="codes", gaps=False),
    "gaps": Wants(categories="codes", gaps=True),
}
"""What a class may want: ones and zeros, scaled, without gaps; codes without gaps; codes and gaps (NaN)."""


PROBED = 64
"""Rows on which an estimator and what is written of it have to say the same."""


class FittedCustom(FittedScikit):
    """An estimator of the user's own."""

    def __init__(self, estimator: Any, problem: Problem, probe: Matrix | None = None) -> None:
        """Keep it.

        Args:
            estimator: fitted.
            problem: with the classes that it saw.
            probe: rows that it has learned from, by which `export` is checked; None: it has no document.
        """
        super().__init__(estimator, problem)
        self._probe = probe

    def predict(self, matrix: Matrix) -> Floats:
        """Its probabilities, or its numbers."""
        if self.problem.kind == "regression":
            return np.asarray(self.estimator.predict(matrix.values), dtype=np.float64).reshape(-1)
        found = np.asarray(self.estimator.predict_proba(matrix.values), dtype=np.float64)
        expected = (len(matrix), self.problem.outputs)
        if found.shape != expected:
            raise CannotFit(
                f"{type(self.estimator).__name__}.predict_proba gave an array of {found.shape} for {expected[0]} rows "
                f"and {expected[1]} classes"
            )
        if (found < 0).any() or not np.allclose(found.sum(axis=1), 1.0, atol=1e-3):
            raise CannotFit(
                f"{type(self.estimator).__name__}.predict_proba gave no probabilities: a row's are from 0 on and sum "
                f"to 1, and these sum to {found.sum(axis=1).min():.4g} to {found.sum(axis=1).max():.4g}"
            )
        return found

    def export(self) -> Document | None:
        """As scikit-learn's, where it is one of those that the scorer knows, and says what the search was judged by.

        Its options are anybody's: where the document doesn't say the same of rows, the estimator itself is the model.
        """
        from automl_core.modelfile.exporting import NotExportable, from_sklearn
        from automl_core.modelfile.scoring.golden import TOLERANCE, largest
        from automl_core.modelfile.scoring.links import link_of
        from automl_core.modelfile.scoring.models import model_of

        if self._probe is None or not type(self.estimator).__module__.startswith("sklearn."):
            return None
        try:
            found = from_sklearn(self.estimator)
        except NotExportable:
            return None
        written = link_of(found.link)(model_of(found.model).margin(self._probe))
        said = self.predict(self._probe).reshape(len(self._probe), -1)
        if not largest(written, said) <= TOLERANCE:
            return None
        return {"model": found.model, "link": found.link}


class Custom(Learner):
    """A class by its place.

    Example:
        >>> depth = {"type": "int", "low": 2, "high": 9}
        >>> Custom("sklearn.tree:DecisionTreeClassifier", space={"max_depth": depth}).name
        'DecisionTreeClassifier'
    """

    def __init__(
        self,
        target: str | type[Any],
        *,
        space: Mapping[str, Mapping[str, Any]] | None = None,
        name: str | None = None,
        default: Mapping[str, Any] | None = None,
        matrix: Literal["dense", "filled", "gaps"] = "dense",
        kinds: Iterable[str] | None = None,
        memory: int | None = None,
        makes: bool = False,
    ) -> None:
        """Name it.

        Args:
            target: ``package.module:Class``, or the class itself. It is made with the parameters as keywords, and
                needs ``fit(X, y)`` (weights are given as ``sample_weight`` where it takes them) and ``predict`` or, for
                classes, ``predict_proba``; y has positions of classes from 0.
            space: what may be searched, as under ``space:`` of a file, unprefixed.
            name: in parameters and reports; None: the class's.
            default: parameters that each fit is given, unless searched.
            matrix: what it is to be given: ``dense``, ``filled`` or ``gaps`` (`MATRICES`).
            kinds: problems that it can solve; None: all those that the class's methods allow.
            memory: bytes that a fit takes beside the matrix; None: four times the matrix.
            makes: ``target`` is no class, but a function that makes the estimator of the parameters. It solves all
                problems unless ``kinds`` says which.

        Raises:
            TrainingError: the place can't be imported, or is no such class, or there is no such matrix.
        """
        if matrix not in MATRICES:
            raise TrainingError(f"a learner's matrix is {matrix!r} (allowed: {', '.join(MATRICES)})")
        self.make = _imported(target) if isinstance(target, str) else target
        if not callable(self.make) or not (makes or hasattr(self.make, "fit")):
            raise TrainingError(f"{target!r} is no class with a method fit")
        told = str(name or self.make.__name__)
        self.name, self.title, self.wants = told, told, MATRICES[matrix]  # type: ignore[misc]
        self.default = dict(default or {})  # type: ignore[misc]
        self._space, self._memory = {key: dict(value) for key, value in (space or {}).items()}, memory
        classes, numbers = hasattr(self.make, "predict_proba"), not hasattr(self.make, "predict_proba")
        allowed = (ALL - {"regression"} if classes else frozenset()) | ({"regression"} if numbers else frozenset())
        allowed = ALL if makes else allowed
        self.kinds = frozenset(kinds) if kinds is not None else allowed  # type: ignore[misc]
        wrong = self.kinds - ALL
        if wrong:
            raise TrainingError(f"learner {told}: kinds has {sorted(wrong)} (allowed: {', '.join(sorted(ALL))})")

    def lasting(self) -> None:
        """See that a model with it can be opened again by another process.

        Raises:
            TrainingError: its class is one of a script, a notebook or a function, where no other process finds it.
        """
        module, name = str(getattr(self.make, "__module__", "")), str(getattr(self.make, "__qualname__", ""))
        if module == "__main__" or "<locals>" in name:
            where = "a function" if "<locals>" in name else "a script or a notebook"
            raise TrainingError(
                f"learner {self.name}: its class is defined in {where}, where a fresh process that opens the model "
                f"can't find it; move it into a module of its own and give Custom('module:{name.split('.')[-1]}')"
            )

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """As it was given."""
        return {name: dict(each) for name, each in self._space.items()}

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """As it was given, or four times the matrix."""
        return self._memory if self._memory is not None else rows * columns * 8 * 4

    def fit(
        self,
        matrix: Matrix,
        y: NDArray[Any],
        weights: Floats,
        *,
        problem: Problem,
        params: Mapping[str, Any],
        valid: Held | None = None,
        seed: int = 0,
        threads: int = 1,
        deadline: float | None = None,
    ) -> FittedCustom:
        """Make it, with a seed where it takes one, and let it fit.

        Raises:
            CannotFit: rows have different weights and the class takes none, or it raised an error of its own.
        """
        options = self.settled(params)
        accepted = _parameters(self.make)
        for keyword, value in (("random_state", seed), ("n_jobs", threads)):
            if keyword in accepted and keyword not in options:
                options[keyword] = value
        heavy = plain_weights(weights)
        try:
            estimator = self.make(**options)
            if not hasattr(estimator, "fit"):
                raise CannotFit(f"{self.name}: {self.make!r} made {estimator!r}, which has no method fit")
            takes = "sample_weight" in _parameters(estimator.fit)
            if heavy is not None and not takes:
                raise CannotFit(f"{self.name}.fit takes no sample_weight, and the rows have different weights")
            estimator.fit(matrix.values, y, **({"sample_weight": heavy} if takes and heavy is not None else {}))
        except CannotFit:
            raise
        except Exception as error:  # whatever a class of the user's own raises is its trial's failure alone
            raise CannotFit(f"{self.name}: {type(error).__name__}: {error}") from error
        probe = np.unique(np.linspace(0, len(matrix) - 1, min(PROBED, len(matrix))).astype(np.int64))
        return FittedCustom(estimator, problem, matrix.take(probe))


def _imported(place: str) -> Any:
    module, colon, attribute = place.partition(":")
    if not colon or not attribute:
        raise TrainingError(f"a learner's place is package.module:Class; found {place!r}")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise TrainingError(f"learner {place!r}: there is no module {error.name!r} in this environment") from None
    except AttributeError:
        raise TrainingError(f"learner {place!r}: {module} has no {attribute}") from None
    except Exception as error:  # a module of the user's own may raise anything
        raise TrainingError(f"learner {place!r}: importing {module} raised {type(error).__name__}: {error}") from error


def _parameters(function: Any) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a class of C without a signature
        return frozenset()
