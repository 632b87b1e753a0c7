"""The environment of an experiment's own, for attempts that are processes of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from automl_core.backends.base import StartError
from automl_core.code import CodeError
from automl_core.code.selecting import choose
from automl_core.environments import EnvironmentProblem, Held, Shelf
from automl_core.running.failures import digest_of_words
from automl_core.spec.environment import lock_in
from automl_core.spec.lock_files import Lock, LockError, read_lock
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study import Binding, Outcome

KIND = "environment"
"""Kind of failure of attempts whose environment could not be made."""


def check_lock(experiment: Experiment, file: Path) -> Lock | None:
    """See before anything runs that an experiment's lock file goes along, and is one.

    Args:
        experiment: as its file has it, code with or without a digest.
        file: the experiment file.

    Returns:
        The lock file; None where there is none, or where the code is one that was packed before, somewhere else.

    Raises:
        CodeError: the lock file does not go along.
        LockError: it can't be used.
    """
    code, environment = experiment.program, experiment.environment
    if code is None or environment is None:
        return None
    place, inside = code.place(file), _inside(experiment)
    if code.digest is not None and not place.is_dir():
        return None
    lock = read_lock(place / inside)
    if inside not in {each.name for each in choose(place, code.ignore)}:
        raise CodeError(
            f"environment.lock: {inside} of {place} is left out of the code that goes along (.automlignore)"
        )
    return lock


def hold_environment(
    experiment: Experiment, code: Path, home: Path, *, say: Callable[[str], None], wanted: Callable[[], bool]
) -> Held | None:
    """The environment for an attempt, made where this machine has none yet; None where the experiment has none.

    To be released when the attempt has ended.

    Args:
        experiment: it, or its stage.
        code: the folder with the code that goes along, unpacked.
        home: AUTOML_HOME.
        say: is told of waiting and making.
        wanted: whether the attempt is still to run.

    Raises:
        StartError: the code has no such lock file, or it can't be used.
        EnvironmentProblem: the environment can't be made.
        NotWanted: the attempt is not to run any more.
    """
    environment = experiment.environment
    if environment is None:
        return None
    try:
        lock = read_lock(code / _inside(experiment))
    except LockError as error:
        raise StartError(f"environment.lock: {error}", systematic=True) from None
    return Shelf.of(home).ensure(lock, environment.python, say=say, wanted=wanted)


def without_environment(binding: Binding, error: EnvironmentProblem) -> Outcome:
    """What to record of an attempt whose environment could not be made.

    Where the registry was away it is tried again as a training that failed is; where no other trial could have it
    either, the experiment ends.
    """
    return Outcome(
        TrialState.FAILED, f"environment: {error}", retryable=not error.systematic, kind=KIND,
        systematic=error.systematic, error=digest_of_words(f"environment: {error.headline}", binding.params),
    )  # fmt: skip


def _inside(experiment: Experiment) -> str:
    """Where the lock file lies in the code."""
    code, environment = experiment.program, experiment.environment
    assert code is not None
    assert environment is not None
    inside = lock_in(code.folder, environment.lock)
    assert inside is not None, "the experiment's check has seen to it"
    return inside
