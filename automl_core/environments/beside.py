"""The environment of a lock file that lies beside the file which names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from automl_core.environments.shelf import Shelf
from automl_core.spec.environment import Environment
from automl_core.spec.lock_files import read_lock


@contextmanager
def environment_beside(
    environment: Environment | None, folder: Path, home: Path, *, say: Callable[[str], None]
) -> Iterator[Path | None]:
    """The folder of an environment for as long as it is needed, made where this machine has none yet.

    Args:
        environment: as a file names it; None where it names none.
        folder: in which that file lies.
        home: AUTOML_HOME.
        say: is told of waiting and making.

    Raises:
        LockError: the lock file isn't there, or is none.
        EnvironmentProblem: the environment can't be made.
    """
    if environment is None:
        yield None
        return
    held = Shelf.of(home).ensure(read_lock(folder / environment.lock), environment.python, say=say)
    try:
        yield Path(held.python).parent.parent
    finally:
        held.release()
