"""A model's folder, written: all beside its place first, then renamed, so who finds it finds it whole.

The same inputs give the same bytes: no time, no machine and no memory address is in it that was not given.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from automl_core.modelfile import own_code
from automl_core.modelfile.archives import save_arrays
from automl_core.modelfile.environment import lock, versions
from automl_core.modelfile.scoring.documents import ARRAYS_FILE, JSON_FILE, flatten

FORMAT = 1
"""Of the folder (docs/model-file.md has the rules). A later one is refused by name, earlier ones stay readable."""

KIND = "automl model"

MODEL_FILE = "model.json"
ESTIMATORS = "estimators"
PACKAGE = "scorer"
SCORING = Path(__file__).resolve().parent / "scoring"

FLOAT32 = 1e-5
"""What outputs that were given may differ from the scorer's: a library of float32 says no more."""

FORECASTING = "forecasting"
"""The kind of problem whose models are of series."""

OF_SERIES = ("calendars/", "series/")
"""Parts of the scorer that only models of series have."""

OF_TABLES = (
    "features/", "calibration.py", "command.py", "explaining.py", "links.py", "members.py", "origins.py", "review.py",
    "scorer.py", "stretching.py", "values.py",
)  # fmt: skip
"""Those that only models of tables have."""

PROGRAM = '''"""Predictions of the model in this folder, with numpy alone: python predict.py rows.csv (see --help)."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from scorer.command import main  # noqa: E402

raise SystemExit(main(HERE))
'''


def program(kind: str) -> str:
    """The text of ``predict.py`` for a kind of problem."""
    if kind != FORECASTING:
        return PROGRAM
    told = PROGRAM.replace("Predictions of the model in this folder", "Forecasts of the series in this folder")
    return told.replace("predict.py rows.csv", "predict.py new.csv").replace("scorer.command", "scorer.series.command")


def sources(kind: str) -> dict[str, Path]:
    """The files of the scorer that a model of a kind of problem is written with, by their names in its folder."""
    others = OF_TABLES if kind == FORECASTING else OF_SERIES
    found = {path.relative_to(SCORING).as_posix(): path for path in sorted(SCORING.rglob("*.py"))}
    return {name: path for name, path in found.items() if not name.startswith(others)}


def write(
    folder: str | Path,
    *,
    members: Sequence[Mapping[str, Any]],
    schema: Any,
    problem: Any,
    golden: Any,
    made: Mapping[str, Any],
    estimators: Mapping[str, Any] | None = None,
    allow_pickle: bool = False,
    calibration: Mapping[str, Any] | None = None,
    threshold: Any = None,
    program_too: bool = True,
) -> Path:
    """Write a model's folder.

    Args:
        folder: does not exist, or is a model's folder that is replaced.
        members: documents with their weights (`scoring.members`). A model of the type ``estimator`` names one of
            ``estimators``.
        schema: `scoring.values.Schema`: the columns that rows must have.
        problem: ``{"kind": …, "target": …, "classes": […]}``, or what has ``as_json()`` that gives it.
        golden: rows as dicts, or ``(rows, outputs)``: these are compared with what the written model says.
        made: what made it: fingerprints of data, template, versions, seed, commit; plain data.
        estimators: fitted estimators of training libraries, by name, kept by skops.
        allow_pickle: pickle an estimator that skops can't write; the file says so, and its readers have to trust it.
        calibration: see `scoring.calibration`.
        threshold: see there.
        program_too: whether ``predict.py`` and the scorer's code go along where numpy alone can score; without them the
            folder opens by this product alone, and has six files.

    Returns:
        The folder.

    Raises:
        CantBeKept: an estimator can't be written by skops and may not be pickled.
        Differs: the written model does not say of the golden rows what was given.
        FileExistsError: there is something else at this place.
        ValueError: what can't be kept.
    """
    with making(folder) as unfinished:
        document = {
            "format": 2 if isinstance(threshold, Mapping) else 1,  # the least that says it: see `documents.FORMAT`
            "problem": _problem(problem),
            "schema": schema.to_json(),
            "members": list(members),
            "calibration": calibration,
            "threshold": threshold,
        }
        kept = _write_estimators(unfinished, estimators or {}, allow_pickle)
        pickled = any(each["as"] == "pickle" for each in kept)
        code = own_code.keep(unfinished, [name for each in kept for name in each["types"]], all_of=pickled)
        numpy_alone = not _has_estimators(document["members"])
        write_scorer(unfinished, document, program_too=numpy_alone and program_too)
        count = _write_golden(unfinished, document, estimators or {}, golden)
        needs = _write_environment(unfinished, kept, estimators or {})
        write_info(
            unfinished,
            {
                "format": FORMAT,
                "kind": KIND,
                "problem": document["problem"],
                "schema": document["schema"],
                "scorer": "numpy" if numpy_alone else "estimators",
                "members": len(members),
                "estimators": kept,
                "pickle": pickled,
                **({"code": code} if code else {}),
                "golden_rows": count,
                "environment": needs,
                "made": plain(made),
            },
        )
    return Path(folder)


@contextmanager
def making(folder: str | Path) -> Iterator[Path]:
    """A folder beside a model's place, that is put there when all has been written into it, and goes if it was not.

    Raises:
        FileExistsError: there is something else than a model at this place.
    """
    target = Path(folder)
    if target.exists() and not (target / MODEL_FILE).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} is there, and no model's folder: give another place")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield unfinished
        _open_to_others(unfinished)
        _replace(unfinished, target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _problem(problem: Any) -> dict[str, Any]:
    found = dict(problem) if isinstance(problem, Mapping) else dict(problem.as_json())
    found["classes"] = list(found.get("classes") or ())
    return plain(found)  # type: ignore[no-any-return]


def _write_estimators(folder: Path, estimators: Mapping[str, Any], allow_pickle: bool) -> list[dict[str, Any]]:
    from automl_core.modelfile import pickles
    from automl_core.modelfile.estimators import CantBeKept, dumped

    found: list[dict[str, Any]] = []
    for number, (name, estimator) in enumerate(sorted(estimators.items())):
        kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
        (folder / ESTIMATORS).mkdir(exist_ok=True)
        try:
            data, types = dumped(name, estimator)
            file, how = f"{ESTIMATORS}/{number}.skops", "skops"
        except CantBeKept:
            if not allow_pickle:
                raise
            data, types, file, how = pickles.dumped(estimator), [], f"{ESTIMATORS}/{number}.pickle", "pickle"
        (folder / file).write_bytes(data)
        found.append({"name": name, "class": kind, "file": file, "as": how, "types": types})
    return found


def write_scorer(folder: Path, document: Mapping[str, Any], *, program_too: bool = True) -> None:
    """The document, and the program that scores by it where numpy alone can."""
    told, arrays = flatten(document)
    write_json(folder / JSON_FILE, told, indent=None)
    save_arrays(folder / ARRAYS_FILE, arrays)
    if not program_too:
        return
    kind = str(document["problem"]["kind"])
    for name, source in sources(kind).items():
        copy = folder / PACKAGE / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    (folder / "predict.py").write_text(program(kind), encoding="utf-8")


def write_info(folder: Path, info: Mapping[str, Any]) -> None:
    """``model.json``, with the digests of all that is there: the last of a folder."""
    write_json(folder / MODEL_FILE, dict(info) | {"files": _digests(folder)})


def _has_estimators(members: Iterable[Mapping[str, Any]]) -> bool:
    models = [member["model"] for member in members]
    return any(each["type"] == "estimator" or _has_estimators(each.get("members", ())) for each in models)


def _write_golden(folder: Path, document: Mapping[str, Any], estimators: Mapping[str, Any], golden: Any) -> int:
    """Golden rows as JSON, with what the model says of them as they are read from there."""
    from automl_core.modelfile.scoring.documents import load
    from automl_core.modelfile.scoring.golden import FILE, Differs, largest
    from automl_core.modelfile.scoring.scorer import Scorer

    rows, given = golden if isinstance(golden, tuple) else (golden, None)
    told = [plain(dict(row)) for row in rows]
    names = [field["name"] for field in document["schema"]]
    told = [{name: row[name] for name in names} for row in told]
    scorer = Scorer(load(folder), estimators)  # as it lies in the file
    outputs = scorer.outputs(told)
    if given is not None:
        given = [
            [each] if not isinstance(each, (list, tuple)) and not hasattr(each, "__len__") else each for each in given
        ]
        difference = largest(outputs, given)
        if not difference <= FLOAT32:
            raise Differs(f"the written model differs by {difference:.3g} from what was said of the golden rows")
    labels = [str(each) if scorer.classes else float(each) for each in scorer.decide(outputs)]
    write_json(folder / FILE, {"rows": told, "outputs": outputs.tolist(), "predictions": labels}, indent=None)
    return len(told)


def _write_environment(folder: Path, kept: list[dict[str, Any]], estimators: Mapping[str, Any]) -> dict[str, Any]:
    import platform

    from automl_core.modelfile.estimators import packages_of

    scorer = versions(["numpy"])
    text = lock(scorer, what="What the numpy scorer needs (predict.py)")
    needs: dict[str, Any] = {"python": platform.python_version(), "scorer": scorer}
    if kept:
        packages = packages_of([name for each in kept for name in each["types"]], estimators)
        needs["estimators"] = versions(["numpy", "skops", *packages])
        text = lock(needs["estimators"], what="What the model's estimators need")
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    return needs


def _digests(folder: Path) -> dict[str, dict[str, Any]]:
    """Name → bytes and SHA-256 of every file, in the order of names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    held = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in held.items()}


def _open_to_others(folder: Path) -> None:
    """A temporary folder is its maker's alone; a model's is as open as any other that is made here."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)


def _replace(unfinished: Path, target: Path) -> None:
    """Put a folder at its place; what was there goes once the new one is."""
    if not target.exists():
        unfinished.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    target.rename(old / "model")
    try:
        unfinished.rename(target)
    except OSError:
        (old / "model").rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, data: Any, indent: int | None = 1) -> None:
    """A file of JSON, the same bytes for the same data."""
    separators = None if indent else (",", ":")
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    path.write_text(text + "\n", encoding="utf-8", errors="surrogatepass")


def plain(value: Any) -> Any:
    """A value as JSON has it, that reads back as the same to a schema.

    A missing value is null, a time ISO 8601, what is infinite a text, all other values their canonical text.

    Raises:
        ValueError: never; what JSON has not is text.
    """
    import math

    from automl_core.modelfile.scoring.texts import is_missing, text_of

    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if is_missing(value):
        return None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in ("b", "i", "u"):
        return value.item()
    if isinstance(value, float) or kind == "f":
        # a float32's own digits, so that it stays the category that it was
        number = float(value) if isinstance(value, float) else float(str(value))
        return number if math.isfinite(number) else str(number)
    return value if isinstance(value, int) else text_of(value)
