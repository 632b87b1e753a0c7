"""Studies in a journal file of Optuna's (``JournalStorage`` on a file), replayed as Optuna replays it.

A line is a JSON object with an ``op_code``. Ids are counted by who reads: a study's by the order in which studies were
made, a trial's over all studies, those that were deleted included. What Optuna itself passes over, because another
worker was faster, is passed over here (optuna/storages/journal/_storage.py, releases 3.1 to 5.0): a second study of a
name, changes of a trial that has ended or of none, a distribution that can't be one with the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from automl_core.importing.distributions import compatible, read_distribution, value_of
from automl_core.importing.optuna_attributes import METRIC_NAMES, constraints_in, numbers_in
from automl_core.importing.trials import CannotImport, OldStudy, OldTrial
from automl_core.spec.goal import Direction

_STATES = ("running", "complete", "pruned", "failed", "waiting")
"""By Optuna's numbers."""
_ENDED = frozenset({"complete", "pruned", "failed"})
_DIRECTIONS: tuple[Direction, ...] = ("minimize", "minimize", "maximize")
"""By Optuna's numbers; the first is NOT_SET."""


@dataclass(slots=True)
class _Trial:
    """A trial while the file is replayed."""

    study: int
    old: OldTrial
    values: list[float] = field(default_factory=list)
    steps: dict[int, float] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Study:
    name: str
    directions: tuple[Direction, ...]
    system: dict[str, Any] = field(default_factory=dict)
    trials: list[_Trial] = field(default_factory=list)


class Replay:
    """A whole file, replayed.

    Attributes:
        studies: those that were not deleted, by their ids.
        torn: whether the last line is not whole: somebody was writing it, or died while doing so.
    """

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            CannotImport: it is no journal of Optuna's; it names the line.
        """
        self.path, self.torn = path, False
        self.studies: dict[int, _Study] = {}
        self._made = 0
        self._trials: list[_Trial] = []
        for number, record in self._records():
            try:
                self._apply(record)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                raise CannotImport(
                    f"{path}, line {number}: not what Optuna writes: {type(error).__name__}: {error}"
                ) from None

    @property
    def names(self) -> list[str]:
        """Of the studies, in the order in which they were made."""
        return [study.name for study in self.studies.values()]

    def study(self, name: str) -> OldStudy:
        """One study.

        Raises:
            CannotImport: there is none of that name.
        """
        found = next((each for each in self.studies.values() if each.name == name), None)
        if found is None:
            raise CannotImport(f"{self.path} has no study {name!r}")
        study = OldStudy("optuna", name, str(self.path), found.directions, tuple(found.system.get(METRIC_NAMES) or ()))
        for trial in found.trials:
            old = trial.old
            old.values = tuple(trial.values)
            old.curve = tuple(sorted(trial.steps.items()))
            old.metrics, old.constraints = numbers_in(trial.user), constraints_in(trial.system)
            study.trials.append(old)
        if self.torn:
            study.leave_out("the last line of the file is not whole")
        return study

    def _records(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except OSError as error:
            raise CannotImport(f"{self.path}: {error.strerror}") from None
        self.torn = bool(lines.pop().strip())
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                record["op_code"]
            except (ValueError, TypeError, KeyError):
                if number == len(lines):
                    self.torn = True
                    return
                raise CannotImport(
                    f"{self.path}, line {number}: no record of Optuna's journal: {line[:60]!r}"
                ) from None
            yield number, record

    def _apply(self, record: Mapping[str, Any]) -> None:
        match record["op_code"]:
            case 0:
                self._create_study(record)
            case 1:
                self.studies.pop(record["study_id"], None)
            case 3:
                if study := self.studies.get(record["study_id"]):
                    study.system.update(record["system_attr"])
            case 4:
                self._create_trial(record)
            case 5:
                self._set_param(record)
            case 6:
                self._set_state(record)
            case 7:
                if trial := self._open(record):
                    trial.steps[int(record["step"])] = float(record["intermediate_value"])
            case 8:
                if trial := self._open(record):
                    trial.user.update(record["user_attr"])
            case 9:
                if trial := self._open(record):
                    trial.system.update(record["system_attr"])
            case 2 | 10:  # a study's user attributes; trials that another program's storage forgets
                pass
            case other:
                raise ValueError(f"there is no operation {other!r}")

    def _create_study(self, record: Mapping[str, Any]) -> None:
        if record["study_name"] in self.names:
            return
        self.studies[self._made] = _Study(
            str(record["study_name"]), tuple(_DIRECTIONS[int(each)] for each in record["directions"])
        )
        self._made += 1

    def _create_trial(self, record: Mapping[str, Any]) -> None:
        study = self.studies.get(record["study_id"])
        if study is None:
            return
        old = OldTrial(
            f"trial {len(study.trials)}",
            _STATES[int(record.get("state", 0))],
            started=_time(record.get("datetime_start")),
            ended=_time(record.get("datetime_complete")),
        )
        for name, text in record.get("distributions", {}).items():
            old.distributions[name] = read_distribution(text)
            old.params[name] = value_of(old.distributions[name], record["params"][name])
        trial = _Trial(record["study_id"], old, user=dict(record.get("user_attrs", {})))
        trial.system.update(record.get("system_attrs", {}))
        values = record.get("values")
        value = record.get("value")
        trial.values = [float(each) for each in values or ([] if value is None else [value])]
        trial.steps = {int(step): float(value) for step, value in record.get("intermediate_values", {}).items()}
        study.trials.append(trial)
        self._trials.append(trial)

    def _open(self, record: Mapping[str, Any]) -> _Trial | None:
        """The trial that a record changes, None where Optuna passes the record over."""
        number = int(record["trial_id"])
        trial = self._trials[number] if 0 <= number < len(self._trials) else None
        return None if trial is None or trial.old.state in _ENDED else trial

    def _set_param(self, record: Mapping[str, Any]) -> None:
        trial = self._open(record)
        if trial is None:
            return
        name, distribution = str(record["param_name"]), read_distribution(record["distribution"])
        study = self.studies.get(trial.study)
        known = (each.old.distributions[name] for each in (study.trials if study else ()) if name in each.old.params)
        first = next(known, None)
        if first is None or compatible(first, distribution):
            trial.old.params[name] = value_of(distribution, float(record["param_value_internal"]))
            trial.old.distributions[name] = distribution

    def _set_state(self, record: Mapping[str, Any]) -> None:
        trial = self._open(record)
        if trial is None:
            return
        state = _STATES[int(record["state"])]
        if state == "running":
            if trial.old.state == "running":
                return
            trial.old.started = _time(record.get("datetime_start"))
        elif state in _ENDED:
            trial.old.ended = _time(record.get("datetime_complete"))
        trial.old.state = state
        if record.get("values") is not None:
            trial.values = [float(value) for value in record["values"]]


def _time(text: str | None) -> float | None:
    """Seconds since 1970; a time without a zone (releases before 5.0) is a local one."""
    return datetime.fromisoformat(text).timestamp() if text else None
