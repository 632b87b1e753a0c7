"""Work of the product's own in a process of its own: a crash, a hang or memory that runs out takes nobody along.

A folder holds what is asked (``request.json`` and what it names) and then the results, or ``problem.json``. `run` is
the caller's side, `serve` that of the program (``python -m MODULE FOLDER [BYTES]``). The process is watched as a
training task is: nothing of it outlives its caller.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from automl_core.masking import hidden

PROBLEM = "problem.json"
"""Says, in a folder, why there are no results."""

FAILED = 3
"""Exit code of a program that has left `PROBLEM`."""

BREATH = 0.2
"""Seconds between two looks at a process."""

_SAID = 20


class NotDone(Exception):
    """There are no results. The message says why: what was wrong, or how the process ended; no secret is in it."""

    def __init__(self, message: str) -> None:
        """See the class."""
        super().__init__(hidden(message))


def command(module: str, folder: Path, memory: int | None) -> list[str]:
    """The arguments of a process.

    Args:
        module: that is run.
        folder: with the request.
        memory: bytes of address space at most; None: as many as it likes.
    """
    return [sys.executable, "-m", module, str(folder), str(memory or 0)]


def environment() -> dict[str, str]:
    """The variables of a process: what is imported here is there, too, and nothing of Airflow's secrets is."""
    from automl_core.backends.environment import inherited

    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(dict.fromkeys([root, *(each for each in sys.path if each)]))
    # one thread, and nothing reserved that is not used: the limit is one of addresses
    return inherited(os.environ) | {
        "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }  # fmt: skip


def run(
    arguments: Sequence[str], folder: Path, *, what: str, results: Sequence[str], timeout: float,
    result: str = "a result", cwd: Path | None = None, variables: Mapping[str, str] | None = None,
    say: Callable[[str], None] | None = None, wanted: Callable[[], bool] = lambda: True,
) -> None:  # fmt: skip
    """Start a process, follow it to its end, and see that it left its results.

    Args:
        arguments: see `command`; or a program that people bring.
        folder: with the request; results of an earlier process are removed from it first.
        what: it is, as in "the evaluation".
        results: names of the files that it leaves.
        timeout: seconds that it may take.
        result: what its results are, for the message that there is none.
        cwd: where it runs; ``folder`` where None.
        variables: of its environment; those of `environment` where None.
        say: takes lines that it prints.
        wanted: whether anybody still wants it; asked now and then.

    Raises:
        NotDone: what was wrong, that it was killed and how, that it took too long or too much memory.
    """
    from automl_core.backends.base import Cause, StartError
    from automl_core.backends.local import LocalProcess

    for name in (PROBLEM, *results):
        (folder / name).unlink(missing_ok=True)
    said: list[str] = []
    job = LocalProcess.of(
        list(arguments), dict(environment() if variables is None else variables), cwd=cwd or folder, timeout=timeout,
        label=what.removeprefix("the "),
    )  # fmt: skip
    try:
        with job:
            job.start()
            for lines in job.follow(interval=BREATH):
                for line in lines if say is not None else ():
                    say(line)  # type: ignore[misc]
                said += lines
                del said[:-_SAID]
                if not wanted():
                    job.terminate(1.0)
            ended = job.poll()
    except StartError as error:
        raise NotDone(f"{what} does not start: {error}") from None
    assert ended is not None
    if (problem := problem_in(folder)) is not None:
        raise NotDone(problem)
    if ended.ok and all((folder / name).is_file() for name in results):
        return
    if ended.cause is Cause.TIMEOUT:
        raise NotDone(f"{what} took longer than {timeout:g} s")
    if ended.cause is Cause.TERMINATED:
        raise NotDone(f"{what} was ended: nobody wants it any more")
    last = next((line for line in reversed(said) if line.strip()), "it said nothing")
    raise NotDone(f"{what}'s process ended without {result}: {ended.reason} (its last line: {last})")


def problem_in(folder: Path) -> str | None:
    """Why a folder has no results, where a program says so; no secret is in it."""
    path = folder / PROBLEM
    return hidden(str(json.loads(path.read_text(encoding="utf-8"))["problem"])) if path.is_file() else None


def serve(
    arguments: Sequence[str], work: Callable[[Path], Mapping[str, bytes]], *, module: str, what: str,
    refused: tuple[type[Exception], ...] = (Exception,),
) -> int:  # fmt: skip
    """The program's side: do the work of a folder, leave its results or `PROBLEM`.

    Args:
        arguments: the folder, and bytes of memory at most (0 for no limit).
        work: the folder → results by name, in the order in which they are written: where the last one is, all are.
        module: of the program, for its usage.
        what: it does, as in "the evaluation", for a person who reads that its memory was not enough.
        refused: errors whose message is meant for a person; others end the program with their traceback.

    Returns:
        0, 2 without a folder, or `FAILED`.
    """
    if not arguments:
        print(f"usage: python -m {module} FOLDER [BYTES]", file=sys.stderr)
        return 2
    folder, memory = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    if memory:
        limit(memory)
    try:
        made = work(folder)
    except MemoryError:
        return _problem(folder, f"{what} takes more than {memory >> 20:,} MiB of memory")
    except refused as error:
        return _problem(folder, str(error) or type(error).__name__)
    for name, data in made.items():
        unfinished = folder / f".{name}.part"
        unfinished.write_bytes(data)
        unfinished.replace(folder / name)
    return 0


def limit(memory: int) -> None:
    """Bound the address space of this process, where the system has such a limit."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, ValueError, OSError):  # where there is no such limit, or a lower one already
        pass


def _problem(folder: Path, why: str) -> int:
    (folder / PROBLEM).write_text(json.dumps({"problem": why}), encoding="utf-8")
    print(why, file=sys.stderr)
    return FAILED
