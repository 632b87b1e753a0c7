"""`python -m automl_core.models.rollout FOLDER [BYTES]`: late labels measured, in a process of its own (`late`)."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from automl_core.backends import apart
from automl_core.models.rollout.late import MEASURED, REQUEST, Request
from automl_core.models.rollout.measures import Measured

FAILED = apart.FAILED
"""Exit code where ``problem.json`` says why nothing was measured."""


def main(arguments: list[str]) -> int:
    """Read ``request.json`` of a folder; leave ``measured.json`` or ``problem.json``.

    Args:
        arguments: the folder, and bytes of memory at most (0 for no limit).

    Returns:
        0, or `FAILED`.
    """
    return apart.serve(arguments, _work, module="automl_core.models.rollout", what="it")


def _work(folder: Path) -> dict[str, bytes]:
    request = msgspec.json.decode((folder / REQUEST).read_bytes(), type=Request)
    return {MEASURED: msgspec.json.encode(_measured(request))}


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
