"""A study in a SQLite file of Optuna's (``RDBStorage``), read by the standard library alone.

Releases 2.10 to 5.0 state one and the same schema version (12), and still differ: before 3.0 there are no columns for
the kinds of values that SQL can't hold (an infinite value is NULL beside ``INF_POS``), and since 5.0 times are in UTC,
where all before wrote local ones without a zone. So columns are asked for, and the release that made the file.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from automl_core.importing.distributions import read_distribution, value_of
from automl_core.importing.optuna_attributes import METRIC_NAMES, constraints_in, numbers_in
from automl_core.importing.trials import CannotImport, OldStudy, OldTrial
from automl_core.spec.goal import Direction

MAGIC = b"SQLite format 3\0"
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}
_DIRECTIONS: dict[str, Direction] = {"MINIMIZE": "minimize", "MAXIMIZE": "maximize", "NOT_SET": "minimize"}
_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def read_studies(path: Path) -> list[str]:
    """Names of the studies in a file.

    Raises:
        CannotImport: it is no database of Optuna's.
    """
    with closing(_opened(path)) as database:
        return [str(name) for (name,) in _rows(database, path, "SELECT study_name FROM studies ORDER BY study_id")]


def read_study(path: Path, name: str) -> OldStudy:
    """One study, with every trial that stands in it.

    Raises:
        CannotImport: there is none of that name, or the file can't be read.
    """
    with closing(_opened(path)) as database:
        return _Reader(database, path).study(name)


def _opened(path: Path) -> sqlite3.Connection:
    """The file, to be read and never changed, nor made.

    Raises:
        CannotImport: it can't be opened.
    """
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise CannotImport(f"{path}: {error}") from None


def _rows(database: sqlite3.Connection, path: Path, sql: str, *given: Any) -> list[tuple[Any, ...]]:
    try:
        return database.execute(sql, given).fetchall()
    except sqlite3.Error as error:
        hint = (
            "; it was written before Optuna 2.4: `optuna storage upgrade` brings it up to date"
            if _is_old(error)
            else ""
        )
        raise CannotImport(f"{path} can't be read as a database of Optuna's: {error}{hint}") from None


def _is_old(error: sqlite3.Error) -> bool:
    return "no such table: study_directions" in str(error) or "no such table: trial_values" in str(error)


class _Reader:
    """One open file."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self.database, self.path = database, path
        self.utc = self._release() >= (5,)

    def rows(self, sql: str, *given: Any) -> list[tuple[Any, ...]]:
        return _rows(self.database, self.path, sql, *given)

    def study(self, name: str) -> OldStudy:
        found = self.rows("SELECT study_id FROM studies WHERE study_name = ?", name)
        if not found:
            raise CannotImport(f"{self.path} has no study {name!r}")
        (number,) = found[0]
        directions = self.rows(
            "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", number
        )  # fmt: skip
        attributes = dict(self.rows("SELECT key, value_json FROM study_system_attributes WHERE study_id = ?", number))
        metrics = json.loads(attributes.get(METRIC_NAMES) or "[]")
        study = OldStudy(
            "optuna", name, str(self.path), tuple(_DIRECTIONS[each] for (each,) in directions), tuple(metrics)
        )
        trials = dict(self._trials(number))
        self._params(number, trials, study)
        for trial, objective, value in self._numbers("trial_values", "objective", "value", "value_type", number):
            each = trials[trial]
            if value is not None:
                each.values = (*each.values, value) if objective == len(each.values) else each.values
        for trial, step, value in self._numbers(
            "trial_intermediate_values", "step", "intermediate_value", "intermediate_value_type", number
        ):
            if value is not None:
                trials[trial].curve = (*trials[trial].curve, (int(step), value))
        self._attributes(number, trials)
        study.trials += trials.values()
        return study

    def _trials(self, study: int) -> Iterator[tuple[int, OldTrial]]:
        for trial, number, state, started, ended in self.rows(
            "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ? "
            "ORDER BY number", study
        ):  # fmt: skip
            yield trial, OldTrial(
                f"trial {number}", _STATES.get(state, str(state).lower()), started=self._time(started),
                ended=self._time(ended),
            )  # fmt: skip

    def _params(self, study: int, trials: dict[int, OldTrial], whole: OldStudy) -> None:
        for trial, name, internal, text in self.rows(
            "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trial_params p JOIN trials t "
            "ON t.trial_id = p.trial_id WHERE t.study_id = ? ORDER BY p.param_id", study
        ):  # fmt: skip
            each = trials[trial]
            try:
                distribution = read_distribution(text)
                each.params[name] = value_of(distribution, float(internal))
            except (TypeError, ValueError) as error:
                each.state = f"its {name} can't be read: {error}"
                continue
            each.distributions[name] = distribution

    def _numbers(
        self, table: str, key: str, column: str, kind: str, study: int
    ) -> Iterator[tuple[int, int, float | None]]:
        """Numbers of trials in the order of their key, those included that SQL has no number for."""
        columns = {row[1] for row in self.rows(f"PRAGMA table_info({table})")}
        kind = f"v.{kind}" if kind in columns else "NULL"
        for trial, place, value, special in self.rows(
            f"SELECT v.trial_id, v.{key}, v.{column}, {kind} FROM {table} v JOIN trials t "  # noqa: S608
            f"ON t.trial_id = v.trial_id WHERE t.study_id = ? ORDER BY v.trial_id, v.{key}", study
        ):  # fmt: skip
            yield trial, place, _SPECIAL.get(special, None if value is None else float(value))

    def _attributes(self, study: int, trials: dict[int, OldTrial]) -> None:
        for table, read, field in (
            ("trial_user_attributes", numbers_in, "metrics"),
            ("trial_system_attributes", constraints_in, "constraints"),
        ):
            found: dict[int, dict[str, Any]] = {}
            for trial, key, text in self.rows(
                f"SELECT a.trial_id, a.key, a.value_json FROM {table} a JOIN trials t ON t.trial_id = a.trial_id "  # noqa: S608
                "WHERE t.study_id = ?", study
            ):  # fmt: skip
                found.setdefault(trial, {})[key] = json.loads(text)
            for trial, attributes in found.items():
                setattr(trials[trial], field, read(attributes))

    def _release(self) -> tuple[int, ...]:
        """The release of Optuna that made the file."""
        found = self.rows("SELECT library_version FROM version_info")
        text = str(found[0][0]) if found else ""
        return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())

    def _time(self, text: str | None) -> float | None:
        if not text:
            return None
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=UTC) if self.utc and moment.tzinfo is None else moment).timestamp()
