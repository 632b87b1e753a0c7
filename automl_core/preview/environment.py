"""The environment that an experiment's local training tasks will have, as far as this machine can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from automl_core.spec.environment import CHANGES_NOTHING, lock_in
from automl_core.spec.errors import Problem
from automl_core.spec.lock_files import LockError, read_lock
from automl_core.spec.models import Experiment
from automl_core.spec.stages import task_places


@dataclass(frozen=True, slots=True)
class EnvironmentAhead:
    """An environment before a training asks for it.

    Attributes:
        lock: the lock file.
        packages: how many it pins.
        python: of which it is made: ``Python 3.12.3``; empty where this machine has none.
        made: whether this machine has it already.
        problem: why this machine can't have it; empty where nothing is known to be in the way.
    """

    lock: str
    packages: int
    python: str
    made: bool
    problem: str = ""


def environment_ahead(experiment: Experiment, home: Path, file: Path) -> EnvironmentAhead | None:
    """The environment that local training tasks will have; None where they have Airflow's, or there are none.

    Args:
        experiment: its file.
        home: AUTOML_HOME.
        file: where the experiment file lies.
    """
    from automl_core.environments import EnvironmentProblem, Shelf
    from automl_core.environments.pythons import find_python

    path = _lock_of(experiment, file)
    if path is None or experiment.environment is None or not _backends(experiment)["local"]:
        return None
    try:
        lock = read_lock(path)
    except LockError as error:
        return EnvironmentAhead(str(path), 0, "", False, str(error))
    version = experiment.environment.python
    try:
        python = find_python(version).text
        made = Shelf.of(home).known(lock, version) is not None
    except EnvironmentProblem as error:
        return EnvironmentAhead(str(path), len(lock.pins), "", False, error.headline)
    return EnvironmentAhead(str(path), len(lock.pins), python, made)


def environment_warnings(experiment: Experiment, file: Path | None) -> Iterator[Problem]:
    """A lock file that is not there or can't be used, before a run is refused for it; and one that nothing reads.

    Args:
        experiment: a valid one.
        file: where the experiment file lies, where that is known.
    """
    if experiment.environment is None:
        return
    where, backends = ("environment",), _backends(experiment)
    if not backends["local"]:
        others = "of a pod its image decides, of SQL MaxCompute" if backends["kubernetes"] else "MaxCompute decides"
        yield Problem(f"nothing reads the lock file: no training task is a process of a worker ({others})", where)
        return
    path = _lock_of(experiment, file)
    if path is None:
        return
    try:
        read_lock(path)
    except LockError as error:
        for problem in error.problems:
            yield Problem(problem, (*where, "lock"))


def environment_notes(experiment: Experiment) -> Iterator[Problem]:
    """Pods of an experiment with a lock file: their image has to have what it pins."""
    backends = _backends(experiment)
    if experiment.environment is None or not backends["local"]:
        return
    for place, task in task_places(experiment):
        if task.backend == "kubernetes":  # type: ignore[attr-defined]
            yield Problem(f"{CHANGES_NOTHING}: the lock file is for local training tasks alone", (*place, "image"))


def _lock_of(experiment: Experiment, file: Path | None) -> Path | None:
    """The lock file beside the experiment file; None where that is not known, or the code lies somewhere else."""
    code, environment = experiment.program, experiment.environment
    if code is None or environment is None or (file is None and not Path(code.folder).is_absolute()):
        return None
    place, inside = code.place(file or Path("x")), lock_in(code.folder, environment.lock)
    return None if inside is None or (code.digest is not None and not place.is_dir()) else place / inside


def _backends(experiment: Experiment) -> dict[str, bool]:
    found = {task.backend for _, task in task_places(experiment)}  # type: ignore[attr-defined]
    return {name: name in found for name in ("local", "kubernetes")}
