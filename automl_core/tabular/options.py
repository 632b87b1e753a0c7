"""What a user may say about a search on a table, checked where it is said."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from automl_core.modelfile.scoring.texts import text_of
from automl_core.spec.units import parse_duration
from automl_core.tabular.metrics import Metric
from automl_core.training.problems import TrainingError, nearest

TASKS = ("auto", "classification", "regression", "binary", "multiclass")
VALIDATIONS = ("auto", "k-fold", "monte-carlo", "holdout", "time", "own")
BALANCES = ("none", "balanced")
FINALS = ("auto", "bag", "refit")
THRESHOLDS = ("auto", "metric", "costs", "none")
_BYTES = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


@dataclass(frozen=True)
class Options:
    """Everything that may be said; what is left out is decided by the data.

    Attributes:
        target: the column to predict.
        task: ``auto``: numbers with more than a few values are a regression, everything else classes.
        metric: a name, a function of the user's own or its place (`metrics.find`); None: log loss, or RMSE.
        direction: of a function of the user's own.
        needs: what such a function takes: ``labels``, ``probabilities`` or ``numbers``.
        group: column whose values no two parts of a split share: rows of one customer stay together.
        time: column by which the past predicts the future: each part is validated by what came after it.
        weight: column of weights of rows, none negative; 0 teaches nothing and is predicted all the same.
        ids: columns that name rows; nothing is learned from them.
        ignore: other columns that nothing is learned from.
        kinds: column → ``number``, ``category``, ``text`` or ``time``, where the guess would be wrong.
        structure: look for groups and time where none is named (`automl_core.tabular.structure`).
        validation: ``auto`` by size: under 1,000 rows ten folds, up to 20,000 five, above 10 % held out.
        folds: of k-fold and time; parts of Monte Carlo.
        repeats: of k-fold, each with other folds; None: small tables more than once.
        valid_share: of ``holdout``, ``monte-carlo`` and each part of ``time``; alone it asks for a holdout.
        test_share: held back for the one evaluation at the end; 0: none; None: none, and by size in a file.
        allowed, blocked: names of learners.
        learners: of the user's own, see `automl_core.tabular.learners`.
        featurization: ``auto``, ``off``, or column → what is done with it.
        selection: whether the search may leave out features that say little; None: of wide tables.
        balance: ``balanced``: each class has the same total weight in training.
        threshold: ``auto``: chosen where the metric is one of labels of two classes; ``costs``: from `costs`.
        costs: (truth, predicted) → what it costs.
        calibrate: whether probabilities are calibrated at the end; None: where it helps on held-out rows.
        exit_score: the search ends when a trial is as good as this.
        iterations: trials at most.
        deadline: seconds that everything may take, from the call to the model; None: no limit (`iterations` ends).
        row_seconds: what scoring one row may take at most.
        memory: bytes that all processes together may use; None: most of what is free.
        ensemble: members at most; 1: the best pipeline alone.
        final: ``bag``: the models of the folds together; ``refit``: new ones on all rows; ``auto``.
        seed: same seed, same data, same versions and one worker: the same model.
        workers: trials at a time; None: one a core.
        threads: of one trial.
        allow_pickle: whether a learner of the user's own may be kept as a pickle where skops can't hold it.
    """

    target: str
    task: str = "auto"
    metric: str | Metric | Callable[..., Any] | None = None
    direction: Literal["minimize", "maximize"] | None = None
    needs: Literal["labels", "probabilities", "numbers"] | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    ids: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    structure: bool = True
    validation: str = "auto"
    folds: int | None = None
    repeats: int | None = None
    valid_share: float | None = None
    test_share: float | None = None
    allowed: tuple[str, ...] | None = None
    blocked: tuple[str, ...] = ()
    learners: tuple[Any, ...] = ()
    featurization: str | Mapping[str, Any] = "auto"
    selection: bool | None = None
    balance: str = "none"
    threshold: str = "auto"
    costs: Mapping[tuple[str, str], float] | None = None
    calibrate: bool | None = None
    exit_score: float | None = None
    iterations: int | None = None
    deadline: float | None = None
    row_seconds: float | None = None
    memory: int | None = None
    ensemble: int = 8
    final: str = "auto"
    seed: int = 0
    workers: int | None = None
    threads: int = 1
    allow_pickle: bool = False

    @classmethod
    def of(cls, **given: Any) -> Options:
        """Options from what a user wrote: durations and sizes as texts, lists as tuples.

        Raises:
            TrainingError: an unknown option, or a value that is not allowed; says which are.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        for name in given:
            if name not in known:
                raise TrainingError(f"there is no option {name!r}{nearest(name, known)}")
        values = {name: value for name, value in given.items() if value is not None}
        for name in ("ids", "ignore", "allowed", "blocked", "learners"):
            if isinstance(values.get(name), str):
                values[name] = (values[name],)
            elif name in values:
                values[name] = tuple(values[name])
        for name in ("deadline", "row_seconds"):
            if name in values:
                values[name] = _duration(name, values[name])
        if "memory" in values:
            values["memory"] = _size(values["memory"])
        if "costs" in values:
            values["costs"] = _costs(values["costs"])
        return cls(**values)

    def __post_init__(self) -> None:
        """Check what can be checked without the data.

        Raises:
            TrainingError: a value that is not allowed; says which are.
        """
        if not self.target:
            raise TrainingError(f"target: found {self.target!r}; give the name of the column to predict")
        for name, allowed in (
            ("task", TASKS),
            ("validation", VALIDATIONS),
            ("balance", BALANCES),
            ("final", FINALS),
            ("threshold", THRESHOLDS),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise TrainingError(f"{name}: found {value!r}{nearest(str(value), allowed)}")
        self._in_range("folds", 2, 100)
        self._in_range("repeats", 1, 100)
        self._in_range("iterations", 1, 1_000_000)
        self._in_range("workers", 1, 1024)
        self._in_range("threads", 1, 1024)
        self._in_range("ensemble", 1, 100)
        for name, least in (("valid_share", 0.0), ("test_share", -1e-9)):
            share = getattr(self, name)
            if share is not None and not least < share < 0.9:
                raise TrainingError(f"{name}: found {share!r}; allowed: a share of the rows below 0.9")
        if self.threshold == "costs" and not self.costs:
            raise TrainingError("threshold: costs needs costs: (truth, predicted) → what it costs")
        if isinstance(self.featurization, str) and self.featurization not in ("auto", "off"):
            raise TrainingError(f"featurization: found {self.featurization!r}; allowed: auto, off, or column by column")
        if self.exit_score is not None and not math.isfinite(self.exit_score):
            raise TrainingError(f"exit_score: found {self.exit_score!r}; give a number")
        roles: dict[str, str] = {}
        for role in ("target", "weight", "group", "time"):
            column = getattr(self, role)
            if column is None:
                continue
            if column in roles and not {role, roles[column]} <= {"group", "time"}:
                raise TrainingError(f"column {column!r} can't be both {roles[column]} and {role}")
            roles[column] = role

    def agree(self) -> None:
        """Refuse what would be left unused: whoever says it thinks that it counts.

        `prepare` asks this once. Whoever reads options that were said earlier does not: a run that began with an older
        release, which left such words unused, goes on to its end.

        Raises:
            TrainingError: names both, and what goes together.
        """
        unused = {
            "k-fold": ("valid_share",), "holdout": ("folds", "repeats"), "monte-carlo": ("repeats",),
            "time": ("repeats",), "own": ("folds", "repeats", "valid_share"),
        }  # fmt: skip
        for name in unused.get(self.validation, ()):
            if getattr(self, name) is not None and (name, getattr(self, name)) != ("repeats", 1):  # once is once
                fitting = [kind for kind, names in unused.items() if name not in names]
                raise TrainingError(
                    f"{name}: has no meaning with validation: {self.validation}; it goes with {', '.join(fitting)}"
                )
        if self.costs and self.threshold in ("none", "metric"):
            raise TrainingError(f"costs: are not used with threshold: {self.threshold}; allowed: auto, costs")

    def _in_range(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high):
            raise TrainingError(f"{name}: found {value!r}; allowed: {low} to {high}")

    @property
    def unlearned(self) -> frozenset[str]:
        """Columns that no model sees: the target, weights, groups, names of rows, what is ignored.

        A group's column stays out, since the rows to be predicted are of other groups than those learned from.
        """
        given = (self.target, self.weight, self.group if self.group != self.time else None, *self.ids, *self.ignore)
        return frozenset(each for each in given if each)

    def replaced(self, **changes: Any) -> Options:
        """A copy with some options changed."""
        return dataclasses.replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """What stands in a report and in a saved preparation: everything that differs from the defaults."""
        found: dict[str, Any] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            default = {} if each.name == "kinds" else each.default
            if value != default:
                found[each.name] = _plain(each.name, value)
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Options:
        """What `as_json` gave. Functions and learners of the user's own are given again by their names' places."""
        return cls.of(**found)


def _plain(name: str, value: Any) -> Any:
    if name == "metric" and not isinstance(value, str):
        return value.name if isinstance(value, Metric) else _place(value)
    if name == "learners":
        # of a class of the user's own its place, not that of what it is wrapped in
        return [_place(getattr(each, "make", type(each))) for each in value]
    if name == "costs":
        return [[truth, predicted, cost] for (truth, predicted), cost in value.items()]
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _place(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', repr(value))}"


def _duration(name: str, value: Any) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise TrainingError(f"{name}: found {value!r}; {error}") from None
    if seconds <= 0:
        raise TrainingError(f"{name}: found {value!r}; allowed: more than nothing")
    return seconds


def _size(value: Any) -> int:
    """Bytes of ``4GiB``, ``500 MB`` or a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    else:
        text = str(value).strip().lower().removesuffix("b").strip()
        unit = text.lstrip("0123456789.").strip()
        try:
            found = float(text.removesuffix(unit)) * _BYTES[unit]
        except (KeyError, ValueError):
            raise TrainingError(f"memory: found {value!r}; give bytes, or text such as 4GiB or 500MB") from None
    if not 1 <= found < math.inf:
        raise TrainingError(f"memory: found {value!r}; allowed: more than nothing")
    return int(found)


def _costs(given: Any) -> Mapping[tuple[str, str], float]:
    """Costs from (truth, predicted) → cost, or from rows [truth, predicted, cost]."""
    rows: Sequence[Any]
    if isinstance(given, Mapping):
        rows = [(*key, cost) if isinstance(key, tuple | list) else (key, cost) for key, cost in given.items()]
    else:
        rows = list(given)
    found: dict[tuple[str, str], float] = {}
    for row in rows:
        if len(row) != 3 or isinstance(row[2], bool) or not isinstance(row[2], int | float) or row[2] < 0:
            raise TrainingError(f"costs: found {row!r}; give (truth, predicted) → a cost, not negative")
        found[text_of(row[0]) or "", text_of(row[1]) or ""] = float(row[2])
    return found
