"""`python -m automl_core.models.evaluation FOLDER [BYTES]`: a request in, evidence out, in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from automl_core.models.evaluation.apart import EVIDENCE, PROBLEM, ROWS, Request
from automl_core.models.evaluation.options import NotEvaluated

FAILED = 3
"""Exit code where ``problem.json`` says why there is no evidence."""


def main(arguments: list[str]) -> int:
    """Read ``request.json`` of a folder; leave ``evidence.json`` and ``evidence-rows.json``, or ``problem.json``.

    Args:
        arguments: the folder, and bytes of memory at most (0 for no limit).

    Returns:
        0, or `FAILED`.
    """
    if not arguments:
        print("usage: python -m automl_core.models.evaluation FOLDER [BYTES]", file=sys.stderr)
        return 2
    folder, memory = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    if memory:
        _limit(memory)
    try:
        evidence, rows = _evaluated(folder)
        texts = {ROWS: _text(rows), EVIDENCE: _text(evidence)}
    except (NotEvaluated, ImportError, OSError) as error:
        return _problem(folder, str(error))
    except MemoryError:
        return _problem(folder, f"the evaluation takes more than {memory >> 20:,} MiB of memory")
    for name, text in texts.items():  # the evidence last: where it is, all is
        unfinished = folder / f".{name}.part"
        unfinished.write_text(text, encoding="utf-8", errors="surrogatepass")
        unfinished.replace(folder / name)
    return 0


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
    if request.answered:
        from automl_core.models.evaluation.unlabelled import answered

        return answered(request.challenger, table, request.options), {}
    return evaluate(request.challenger, request.champion, table, request.options, earlier=request.earlier)


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


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
