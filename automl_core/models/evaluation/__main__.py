"""`python -m automl_core.models.evaluation FOLDER [BYTES]`: an evaluation in a process of its own (`apart`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from automl_core.backends import apart
from automl_core.models.evaluation.apart import EVIDENCE, ROWS, Request
from automl_core.models.evaluation.options import NotEvaluated

FAILED = apart.FAILED
"""Exit code where ``problem.json`` says why there is no evidence."""


def main(arguments: list[str]) -> int:
    """Read ``request.json`` of a folder; leave ``evidence.json`` and ``evidence-rows.json``, or ``problem.json``.

    Args:
        arguments: the folder, and bytes of memory at most (0 for no limit).

    Returns:
        0, or `FAILED`.
    """
    return apart.serve(
        arguments, _work, module="automl_core.models.evaluation", what="the evaluation",
        refused=(NotEvaluated, ImportError, OSError),
    )  # fmt: skip


def _work(folder: Path) -> dict[str, bytes]:
    evidence, rows = _evaluated(folder)
    return {ROWS: _text(rows), EVIDENCE: _text(evidence)}  # the evidence last: where it is, all is


def _evaluated(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from automl_core.extras import needed_by

    with needed_by("an evaluation", "tabular"):
        from automl_core.data.access import DataError
        from automl_core.data.reading import read_table
        from automl_core.models.evaluation.evaluating import evaluate

    request = Request.read(folder)
    try:
        table = read_table(request.data, format=request.format)  # type: ignore[arg-type]
    except DataError as error:
        raise NotEvaluated(f"the data can't be read: {error}") from None
    if request.unlabelled:
        from automl_core.models.evaluation.unlabelled import answered

        logged = request.unlabelled == "answered"
        return answered(request.challenger, table, request.options, logged=logged), {}
    return evaluate(request.challenger, request.champion, table, request.options, earlier=request.earlier)


def _text(body: dict[str, Any]) -> bytes:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    return text.encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
