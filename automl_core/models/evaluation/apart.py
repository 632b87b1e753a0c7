"""An evaluation in a process of its own: a crash, or memory that runs out, takes nobody along.

A folder holds the request (``request.json``, with ``rows.parquet`` where rows were given) and then ``evidence.json``
and ``rows.json``, or ``problem.json``. The process is watched as a training task is: nothing of it outlives its caller.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from automl_core.backends import apart
from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated

REQUEST, EVIDENCE, ROWS, PROBLEM, TABLE = (
    "request.json", "evidence.json", "evidence-rows.json", apart.PROBLEM, "rows.parquet",
)  # fmt: skip
LONGEST = 3600.0
"""Seconds that an evaluation may take."""

MEMORY = 8 << 30
"""Bytes of address space that it may take."""

FORMAT = 1


@dataclass(frozen=True)
class Request:
    """What is to be evaluated.

    Attributes:
        challenger: folder of the model, on this machine.
        champion: that of the model in use; None where there is none.
        data: path of a file or a folder of rows on this machine, as `data.read_table` reads it; or a table of PyArrow.
        options: what is measured, and how.
        earlier: bad cases that are followed.
        format: of the files, where their names don't say it.
        unlabelled: of rows of which nobody knows yet what came: whether they are logged answers of the challenger
            (``answered``), or were scored by it, and it is asked once more (``scored``). The evidence is then what
            `unlabelled.answered` gives.
    """

    challenger: str | Path
    champion: str | Path | None
    data: Any
    options: EvaluateOptions
    earlier: Sequence[Mapping[str, Any]] = ()
    format: str | None = None
    unlabelled: Literal["", "answered", "scored"] = ""

    def write(self, folder: Path) -> None:
        """Write it into a folder, rows included where they were given.

        Raises:
            NotEvaluated: rows that can't be written.
        """
        data = self.data
        if not isinstance(data, (str, Path)):
            from automl_core.models.evaluation.asking import write_rows
            from automl_core.models.evaluation.rows import Rows

            data = write_rows(Rows.of(data), folder / TABLE)
        body = {
            "format": FORMAT, "challenger": str(Path(self.challenger).absolute()),
            "champion": None if self.champion is None else str(Path(self.champion).absolute()),
            "data": {"path": str(Path(data).absolute()), "format": self.format},
            "options": self.options.to_json(), "earlier": [dict(each) for each in self.earlier],
            "unlabelled": self.unlabelled,
        }  # fmt: skip
        (folder / REQUEST).write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")

    @classmethod
    def read(cls, folder: Path) -> Request:
        """The request of a folder.

        Raises:
            NotEvaluated: there is none, or a later release wrote it.
        """
        try:
            body = json.loads((folder / REQUEST).read_text(encoding="utf-8", errors="surrogatepass"))
        except (OSError, ValueError) as error:
            raise NotEvaluated(f"{folder / REQUEST} can't be read: {error}") from None
        if body.get("format") != FORMAT:
            raise NotEvaluated(f"{folder / REQUEST} has the format {body.get('format')}; this release reads {FORMAT}")
        options = EvaluateOptions.from_json(body["options"])
        data = body["data"]
        return cls(
            body["challenger"], body["champion"], data["path"], options, body["earlier"], data["format"],
            body["unlabelled"],
        )  # fmt: skip


def run_apart(
    request: Request, *, folder: str | Path | None = None, timeout: float = LONGEST, memory: int | None = MEMORY,
    say: Callable[[str], None] | None = None, wanted: Callable[[], bool] = lambda: True,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Evaluate in a process of its own.

    Args:
        request: what.
        folder: where request and evidence lie, for whoever wants to look at them; None: one that goes.
        timeout: seconds that it may take.
        memory: bytes of address space that it may take; None: as many as it likes.
        say: takes lines that it prints.
        wanted: whether anybody still wants it; asked now and then.

    Returns:
        The evidence and its rows (`document`).

    Raises:
        NotEvaluated: why there is none: what was wrong with models or data, that it was killed and how, that it took
            too long or too much memory.
    """
    with ExitStack() as stack:
        home = Path(folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="automl-evaluation-"))).absolute()
        home.mkdir(parents=True, exist_ok=True)
        request.write(home)
        command = apart.command("automl_core.models.evaluation", home, memory)
        try:
            apart.run(
                command, home, what="the evaluation", results=(EVIDENCE, ROWS), timeout=timeout, result="evidence",
                say=say, wanted=wanted,
            )  # fmt: skip
        except apart.NotDone as error:
            raise NotEvaluated(str(error)) from None
        return _object(home / EVIDENCE), _object(home / ROWS)


def _object(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    return found
