"""A pipeline: features × learner × hyperparameters, from a frame to outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.features import Features, State, Work
from automl_core.modelfile.scoring.links import link_of
from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.values import Frame, Schema, nearest
from automl_core.tabular.features.base import Rows, learn
from automl_core.tabular.learners import registry
from automl_core.tabular.learners.base import CannotFit, Fitted, Floats, Learner
from automl_core.tabular.metrics import find
from automl_core.tabular.plan import plan, settled
from automl_core.tabular.problem import Problem
from automl_core.training.problems import TrainingError

RELATIVE = frozenset({"rmsle", "root_mean_squared_log_error", "normalized_root_mean_squared_log_error", "mape"})
"""Metrics of ratios: logarithms make differences of them."""
LEAST = -1 + 1e-9
"""Rows to judge by may have what rows to learn from have not: a logarithm ends here."""

Held = tuple[Frame, NDArray[Any], Floats]
"""Rows to judge by: frame, target, weights."""


@dataclass(frozen=True)
class Pipeline:
    """A combination, not yet fitted.

    Attributes:
        problem: what is to be predicted.
        schema: the columns that it reads.
        params: ``learner``; the learner's own as ``LEARNER.param``; those of features as ``features.param``
            (`automl_core.tabular.plan`). What is left out has its default.
        seed: with one thread, same seed, same pipeline.
        threads: of the learner's library, at most.
        extra: learners of the user's own.
    """

    problem: Problem
    schema: Schema
    params: Mapping[str, Any]
    seed: int = 0
    threads: int = 1
    extra: tuple[Learner, ...] = ()

    @property
    def learner(self) -> Learner:
        """The learner that the parameters name.

        Raises:
            TrainingError: there is none of this name.
        """
        return registry.find(str(self.params.get("learner", "lightgbm")), self.extra)

    def of_learner(self) -> dict[str, Any]:
        """The learner's own parameters, unprefixed.

        Raises:
            TrainingError: one that it does not take.
        """
        learner = self.learner
        prefix = f"{learner.name}."
        found = {name.removeprefix(prefix): value for name, value in self.params.items() if name.startswith(prefix)}
        for name in found:
            if learner.default and name not in learner.default and name != "patience":
                raise TrainingError(f"{prefix}{name}: there is no such parameter{nearest(name, learner.default)}")
        return found

    def fit(
        self,
        frame: Frame,
        y: NDArray[Any],
        weights: Floats | None = None,
        valid: Held | None = None,
        deadline: float | None = None,
    ) -> FittedPipeline:
        """Learn features, then the model. Rows of weight 0 teach nothing: neither medians, nor levels, nor bins.

        Args:
            frame: (n) rows, read by the schema.
            y: (n,) positions of the problem's classes, or numbers.
            weights: (n,) not negative; None counts each row once.
            valid: rows that a learner which goes step by step may stop by.
            deadline: on the monotonic clock.

        Raises:
            TrainingError: a parameter that is not known, weights that are none, or no row to learn from.
            CannotFit: the learner can't learn from these rows.
        """
        y, kept = np.asarray(y), _weights(weights, frame.n)
        if len(y) != frame.n:
            raise TrainingError(f"the target has {len(y)} values, the rows are {frame.n}")
        if (kept == 0).any():
            there = np.flatnonzero(kept > 0)
            frame, y, kept = frame.take(there), y[there], kept[there]
        if not frame.n:
            raise TrainingError("there is no row with a weight above 0 to learn from")
        kept = kept / kept.mean()  # weights are relative: regularisation is against rows
        view = View.of(self.problem, y, settled(self.params, self.schema)["target"])
        learner = registry.find("constant") if view.problem_classes == 1 else self.learner
        if view.problem.kind not in learner.kinds:
            can = ", ".join(sorted(learner.kinds))
            raise CannotFit(f"{learner.title} can't learn {view.problem.kind} (it can: {can})")
        wants, own = learner.wants, self.of_learner() if learner.name != "constant" else {}
        rows = Rows(Work.of(frame), Matrix.empty(frame.n), view.positions(y), kept, view.problem_classes, self.seed)
        states, matrix = learn(plan(self.schema, self.params, wants), rows)
        features = Features(states)
        held = None
        if valid is not None:
            held = _held(valid, features, view)
        fitted = learner.fit(
            matrix, view.positions(y), kept, problem=view.problem, params=own, valid=held,
            seed=self.seed, threads=self.threads, deadline=deadline,
        )  # fmt: skip
        return FittedPipeline(self, states, features, fitted, view, len(matrix.names))


@dataclass(frozen=True)
class View:
    """The classes that a learner is shown: those that its rows have.

    A fold may lack a class, and libraries either refuse that or number the classes anew without a word.

    Attributes:
        problem: with these classes alone.
        classes: positions of these classes among all; None for numbers.
        outputs: classes in all, 1 for numbers.
        share: probability of each class that was not seen: unlikely, not impossible. That of `problem.prior`.
        log: whether numbers are learned as log(1 + y).
    """

    problem: Problem
    classes: NDArray[np.int64] | None
    outputs: int
    share: float = 0.0
    log: bool = False

    @classmethod
    def of(cls, problem: Problem, y: NDArray[Any], target: str = "auto") -> View:
        """By the target of the rows to learn from.

        Args:
            problem: with all classes.
            y: (n,) of the rows.
            target: ``features.target``: how numbers are learned. Where one of them is not above -1, as they are.
        """
        if problem.kind == "regression":
            log = target == "log" or (target == "auto" and problem.metric.name in RELATIVE)
            if log and float(np.min(y)) > -1:
                return cls(replace(problem, metric=find(None, "regression")), None, 1, log=True)
            return cls(problem, None, 1)
        seen = np.unique(np.asarray(y, dtype=np.int64))
        if len(seen) == len(problem.classes):
            return cls(problem, seen, len(seen))
        names = tuple(problem.classes[each] for each in seen)
        kind: Any = "multiclass" if len(seen) > 2 else "binary"
        share = 1.0 / (len(problem.classes) * (len(y) + 1))
        return cls(replace(problem, kind=kind, classes=names), seen, len(problem.classes), share)

    @property
    def problem_classes(self) -> int:
        """Classes that the learner sees; 0 for numbers."""
        return 0 if self.classes is None else len(self.classes)

    def positions(self, y: NDArray[Any]) -> NDArray[Any]:
        """Positions among all classes as those among the seen; -1 for a class that was not."""
        if self.classes is None:
            numbers = np.asarray(y, dtype=np.float64)
            return np.log1p(np.maximum(numbers, LEAST)) if self.log else numbers
        places = np.full(self.outputs, -1, dtype=np.int64)
        places[self.classes] = np.arange(len(self.classes))
        return places[np.asarray(y, dtype=np.int64)]

    def link(self, link: Any) -> Any:
        """A link to what was learned as one to the target itself: numbers back from logarithms, all classes."""
        if self.log:
            return [*(link if isinstance(link, list) else [link]), "expm1"]
        if self.classes is None or len(self.classes) == self.outputs:
            return link
        place = {"type": "place", "places": self.classes, "outputs": self.outputs, "share": self.share}
        return [*(link if isinstance(link, list) else [link]), place]

    def widen(self, outputs: Floats) -> Floats:
        """Outputs for what was learned as those for the target itself."""
        link = self.link("identity")
        return outputs if link == "identity" else np.asarray(link_of(link)(outputs))


@dataclass(frozen=True)
class FittedPipeline:
    """What a pipeline has learned.

    Attributes:
        pipeline: what was fitted.
        states: of its features.
        features: the same, ready to be applied.
        fitted: what its learner has left.
        view: the classes that it saw.
        columns: of the matrix that it learned from.
    """

    pipeline: Pipeline
    states: list[dict[str, Any]]
    features: Features
    fitted: Fitted
    view: View
    columns: int

    def predict(self, frame: Frame) -> Floats:
        """(n, classes) probabilities in the order of the problem's classes, or (n,) numbers."""
        return self.view.widen(self.fitted.predict(self.features.apply(frame)))

    def document(self) -> dict[str, Any] | None:
        """Features, model and link as the numpy scorer takes them, a member without its weight; None where it can't."""
        from automl_core.modelfile.exporting import NotExportable

        try:
            found = self.fitted.export()
        except NotExportable:
            return None
        if found is None:
            return None
        told: dict[str, Any] = {"features": self.states, **found}
        told["link"] = self.view.link(told["link"])
        return told

    def estimators(self) -> dict[str, Any]:
        """The library's own objects, by the learner's name."""
        name = self.pipeline.learner.name
        return {} if self.fitted.estimator is None else {name: self.fitted.estimator}

    @property
    def link(self) -> Any:
        """From what the learner's own predictions say to outputs: all classes, numbers back from logarithms."""
        return self.view.link("identity")

    @property
    def best_iteration(self) -> int | None:
        """Of a learner that goes step by step, how many steps its predictions take; else None."""
        return self.fitted.best_iteration

    def settled(self, grow: float = 1.0) -> dict[str, Any]:
        """The parameters for a fit on other rows without any to stop by: the steps that were best here.

        Args:
            grow: times as many steps: more rows bear more.
        """
        learner = self.pipeline.learner
        found = dict(self.pipeline.params)
        if learner.steps is not None and self.best_iteration:
            found[f"{learner.name}.{learner.steps}"] = max(1, round(self.best_iteration * grow))
        return found


def _weights(weights: Floats | None, n: int) -> Floats:
    if weights is None:
        return np.ones(n)
    found = np.asarray(weights, dtype=np.float64)
    if len(found) != n:
        raise TrainingError(f"there are {len(found)} weights for {n} rows")
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(bad):
        value = found[bad[0]]
        what = "missing" if np.isnan(value) else f"{value:g}"
        raise TrainingError(f"row {bad[0]}: its weight is {what}; weights are numbers of 0 or more")
    return found


def _held(valid: Held, features: Features, view: View) -> tuple[Matrix, NDArray[Any], Floats] | None:
    """Rows to judge by, as far as they have weight and a class that was seen."""
    frame, truth, weights = valid
    kept = _weights(weights, frame.n)
    positions = view.positions(truth)
    there = (kept > 0) & ((positions >= 0) if view.classes is not None else np.ones(frame.n, dtype=bool))
    if not there.any():
        return None
    if not there.all():
        rows = np.flatnonzero(there)
        frame, positions, kept = frame.take(rows), positions[rows], kept[rows]
    return features.apply(frame), positions, kept


def explain_failure(error: Exception) -> str:
    """Why a pipeline could not be fitted, in a line."""
    return str(error) if isinstance(error, (CannotFit, TrainingError)) else f"{type(error).__name__}: {error}"


def check(params: Mapping[str, Any], schema: Schema, problem: Problem, extra: Iterable[Learner] = ()) -> None:
    """Whether a pipeline of these parameters can be made at all, before any row is read.

    Raises:
        TrainingError: what is not known or not allowed.
    """
    pipeline = Pipeline(problem, schema, params, extra=tuple(extra))
    learner = pipeline.learner
    if problem.kind not in learner.kinds:
        raise TrainingError(f"{learner.title} can't learn {problem.kind} (it can: {', '.join(sorted(learner.kinds))})")
    pipeline.of_learner()
    plan(schema, params, learner.wants)


__all__ = ["CannotFit", "FittedPipeline", "Pipeline", "State", "View", "check", "explain_failure"]
