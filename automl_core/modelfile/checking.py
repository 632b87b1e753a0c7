"""A model's folder, tried in fresh processes before it is published."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from automl_core.modelfile.writing import PACKAGE, program, sources

LIMIT = 300.0
"""Seconds that a check may take: a machine may be busy."""

ALONE = """
import runpy, sys
folder = sys.argv[1]
sys.argv = ["predict.py", "--check"]
try:
    runpy.run_path(folder + "/predict.py", run_name="__main__")
except SystemExit as end:
    if end.code:
        raise
loaded = {name.partition(".")[0] for name in sys.modules}
loaded = sorted(loaded & {"automl_core", "sklearn", "scipy", "pandas", "pyarrow"})
if loaded:
    raise SystemExit(f"error: the scorer imports {', '.join(loaded)}")
"""

WHOLE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from automl_core.modelfile.model import load
from automl_core.modelfile.scoring.golden import check
folder, trusted = Path(sys.argv[2]), sys.argv[3:]
print(check(load(folder, trusted=True if trusted == ["*"] else trusted).scorer, folder))
"""


class CheckFailed(ValueError):
    """A model that does not open in a fresh process, or says something else there."""


def check(folder: str | Path, *, trusted: bool | Collection[str] = ()) -> list[str]:
    """Score a model's golden rows in fresh processes, one by one and together.

    The numpy scorer is tried as it lies in the folder, without this product (``python -I``); a model with estimators,
    and one that this release reads, by `load`.

    Args:
        folder: of the model. Its ``scorer/`` is run: one that is not this release's own only with ``trusted=True``.
        trusted: as for `load`.

    Returns:
        What was compared, in words, a line for each process.

    Raises:
        CheckFailed: why it can't be used.
        BrokenModel, LaterFormat: as `load`.
    """
    from automl_core.modelfile.model import read_info

    folder = Path(folder).resolve()
    info = read_info(folder)
    said = []
    by_itself = info["scorer"] == "numpy" and "predict.py" in info["files"]  # a trial's own model has none
    if by_itself:
        if trusted is not True and (changed := _not_ours(folder, str(info["problem"]["kind"]))):
            raise CheckFailed(
                f"{folder / PACKAGE} is not the scorer of this release ({changed}): "
                "its code is run with trusted=True alone"
            )
        said.append(f"numpy alone: {_run(ALONE, str(folder))}")
    if not by_itself or info["estimators"]:
        # classes of the user's own are found where this process finds them
        root = str(Path(__file__).resolve().parents[2])
        path = json.dumps([root, *(str(Path(each or ".").resolve()) for each in sys.path)])
        allowed = ["*"] if trusted is True else [] if trusted is False else list(trusted)
        said.append(f"with estimators: {_run(WHOLE, path, str(folder), *allowed)}")
    return said


def _not_ours(folder: Path, kind: str) -> str | None:
    """The first file of a folder's scorer that is not this release's for its kind of problem."""
    own = sources(kind)
    there = {path.relative_to(folder / PACKAGE).as_posix(): path for path in (folder / PACKAGE).rglob("*.py")}
    for name in sorted(own.keys() | there.keys()):
        if name not in own or name not in there or own[name].read_bytes() != there[name].read_bytes():
            return name
    return None if (folder / "predict.py").read_text(encoding="utf-8") == program(kind) else "predict.py"


def _run(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-c", program, *arguments],
            capture_output=True, text=True, timeout=LIMIT, check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"scoring the golden rows in a fresh process took longer than {LIMIT:g} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise CheckFailed(f"in a fresh process: {lines[-1] if lines else f'exit status {done.returncode}'}")
    return done.stdout.strip()
