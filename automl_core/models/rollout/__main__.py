"""`python -m automl_core.models.rollout FOLDER [BYTES]`: late labels measured, in a process of its own (`late`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from automl_core.models.rollout.late import MEASURED, PROBLEM, REQUEST, Request
from automl_core.models.rollout.measures import Measured

FAILED = 3
"""Exit code where ``problem.json`` says why nothing was measured."""


def main(arguments: list[str]) -> int:
    """Read ``request.json`` of a folder; leave ``measured.json`` or ``problem.json``.

    Args:
        arguments: the folder, and bytes of memory at most (0 for no limit).

    Returns:
        0, or `FAILED`.
    """
    if not arguments:
        print("usage: python -m automl_core.models.rollout FOLDER [BYTES]", file=sys.stderr)
        return 2
    folder, memory = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    if memory:
        _limit(memory)
    try:
        data = msgspec.json.encode(_measured(msgspec.json.decode((folder / REQUEST).read_bytes(), type=Request)))
    except MemoryError:
        return _problem(folder, f"it takes more than {memory >> 20:,} MiB of memory")
    except Exception as error:  # whatever it is, a person is to read it beside the rollout
        return _problem(folder, str(error) or type(error).__name__)
    unfinished = folder / f".{MEASURED}.part"
    unfinished.write_bytes(data)
    unfinished.replace(folder / MEASURED)
    return 0


def _measured(request: Request) -> list[Measured]:
    from automl_core.models.feedback.gathering import Reach, gather
    from automl_core.models.file import ModelFile
    from automl_core.models.rollout.keys import FromGivenKeys
    from automl_core.models.rollout.measuring import measure

    file = ModelFile.model_validate(request.file)
    if file.feedback is None:
        raise ValueError(f"{file.name} has no feedback: nothing says what came true")
    if file.answered is None:
        raise ValueError("nothing says when answers were given: name the column in feedback.answered")
    reach = Reach(FromGivenKeys(), Path(request.home), request.bundle or request.home)
    found = gather(file, None, reach, request.now, since=request.since)
    return measure(
        found.table, request.metrics, outcome=file.feedback.outcome, version=file.feedback.version,
        answered=file.answered, time=request.now, zone=file.feedback.timezone,
        words=[*found.counts.words(), *found.notes],
    )  # fmt: skip


def _limit(memory: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, ValueError, OSError):  # where there is no such limit, or a lower one already
        pass


def _problem(folder: Path, why: str) -> int:
    (folder / PROBLEM).write_text(json.dumps({"problem": why}), encoding="utf-8")
    print(why, file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
