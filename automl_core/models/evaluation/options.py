"""What an evaluation is told beside the two models and the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from automl_core.models.evaluation.tests import RegressionTest

When = Literal["better", "not_worse", "passes"]


class NotEvaluated(ValueError):
    """Models or rows that can't be evaluated: what is wrong, and what is allowed."""


class NoLabels(NotEvaluated):
    """Rows of which none has a label that a model knows: nothing can be told of them.

    Attributes:
        notes: what else is to be said.
    """

    def __init__(self, message: str, notes: Sequence[str] = ()) -> None:
        """See the class."""
        super().__init__(message)
        self.notes = tuple(notes)


@dataclass(frozen=True)
class Program:
    """A scoring program of the user's own, for models that aren't ours: batch in, predictions out (see `program`).

    Attributes:
        command: an argument list, or text for /bin/sh; ``${rows}``, ``${predictions}``, ``${model_dir}`` and
            ``${file_dir}`` stand for paths.
        format: of the rows' file: ``csv``, ``parquet`` or ``jsonl``.
        environment: folder of a Python environment whose ``bin`` stands first on PATH; None: what is there.
        timeout: seconds that it may take.
        variables: further environment variables, as the file states them.
        folder: that the model's file lies in; None: there is no file, and ``${file_dir}`` has no meaning.
    """

    command: tuple[str, ...] | str
    format: str = "csv"
    environment: str | None = None
    timeout: float = 1800.0
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: str | None = None


@dataclass(frozen=True)
class Trained:
    """What is known of the data that a model was trained from.

    Attributes:
        fingerprints: name of a data set → its fingerprint (``{digest, place, …}``, or the digest alone).
        rows: files or folders of those rows on this machine, where they can be had: then rows are told one by one.
    """

    fingerprints: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluateOptions:
    """What is evaluated, and how.

    Attributes:
        version, champion: numbers of the two, for the evidence.
        target: column with what came; None: the model's own.
        key: column that names a row (bad cases; rows of one key are one unit of the bootstrap); None: a digest of the
            columns that the challenger reads.
        group: column of what belongs together, for the bootstrap, where that is not the key.
        metric: name; None: that by which the model was chosen, where its folder says so, else the kind's default.
        kind: binary, multiclass or regression, where neither model says so (programs).
        slices: columns.
        tests: regression tests.
        confidence: of all intervals.
        least_rows: with fewer rows it can't be told.
        when, margin: ``accept``: see `verdict`. The margin is in the metric's unit.
        draws: of the bootstrap.
        place: of the data, for the evidence.
        fingerprint: of the data (``data.fingerprint``); its digest seeds the bootstrap.
        trained: ``challenger`` and ``champion`` → what they were trained from.
        program: how models are scored that aren't ours.
        worst: regression: share of the rows of the champion with the largest errors that are bad cases, where
            `threshold` is None.
        threshold: regression: an absolute error above it is a bad case.
        horizon, origins: of series: steps ahead (None: the models'), and rolling origins at most.
        latency: whether the models' speed is measured.
        trusted: types of estimators that may be loaded; True: all.
        reference: how columns were distributed in an earlier evidence (`columns.columns_of`): whether they have
            drifted since is told, too.
        alarms: rate at which that may be said by chance.
        answers: what an earlier evidence kept of its rows (`unlabelled.kept_answers`): the metric is estimated of rows
            that have no label, too.
        excess: one standard deviation of what estimates were off by until now (`estimating.record`).
    """

    version: int | None = None
    champion: int | None = None
    target: str | None = None
    key: str | None = None
    group: str | None = None
    metric: str | None = None
    kind: str | None = None
    slices: tuple[str, ...] = ()
    tests: tuple[RegressionTest, ...] = ()
    confidence: float = 0.95
    least_rows: int = 100
    when: When = "better"
    margin: float = 0.0
    draws: int = 1000
    place: str | None = None
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, Trained] = field(default_factory=dict)
    program: Program | None = None
    worst: float = 0.05
    threshold: float | None = None
    horizon: int | None = None
    origins: int = 10
    latency: bool = True
    trusted: tuple[str, ...] | bool = ()
    reference: Mapping[str, Any] = field(default_factory=dict)
    alarms: float = 0.01
    answers: Mapping[str, Any] = field(default_factory=dict)
    excess: float = 0.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise NotEvaluated(f"confidence: found {self.confidence}; allowed: 0.5 … below 1")
        if self.when not in ("better", "not_worse", "passes"):
            raise NotEvaluated(f"when: found {self.when!r}; allowed: better, not_worse, passes")
        if self.margin < 0:
            raise NotEvaluated(f"margin: found {self.margin}; allowed: 0 or more")
        if self.draws < 100:
            raise NotEvaluated(f"draws: found {self.draws}; allowed: 100 or more")

    def to_json(self) -> dict[str, Any]:
        """As plain data, what is not the default: for a process of its own."""
        from dataclasses import asdict

        from automl_core.models.evaluation.tests import as_json

        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "tests":
                value = as_json(value)
            elif each.name == "program":
                value = None if value is None else asdict(value)
            elif each.name == "trained":
                value = {name: asdict(told) for name, told in value.items()}
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            if value not in (None, [], {}):
                found[each.name] = value
        return found

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> EvaluateOptions:
        """What `to_json` gave.

        Raises:
            NotEvaluated: it names what is none, or a value is out of its range.
        """
        from automl_core.models.evaluation.tests import tests_of

        found = dict(document)
        unknown = sorted(found.keys() - {each.name for each in fields(cls)})
        if unknown:
            raise NotEvaluated(f"options: {unknown[0]} is none (there are: {', '.join(f.name for f in fields(cls))})")
        found["tests"] = tests_of(found.get("tests", []))
        found["slices"] = tuple(found.get("slices", ()))
        if isinstance(found.get("trusted"), list):
            found["trusted"] = tuple(found["trusted"])
        if found.get("program") is not None:
            told = dict(found["program"])
            command = told["command"]
            found["program"] = Program(**told | {"command": command if isinstance(command, str) else tuple(command)})
        found["trained"] = {
            name: Trained(told.get("fingerprints", {}), tuple(told.get("rows", ())))
            for name, told in found.get("trained", {}).items()
        }
        return cls(**found)
