"""Scoring and selection in a process of its own: a model that crashes or fills the memory takes no worker along.

The folder of a request holds ``request.json``, ``items.jsonl`` with the content of items, and arrays. Models, rows and
labels come by files alone; the process has no key of any store.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.rounds.features import features
from automl_core.annotation.rounds.mapping import NotUsable
from automl_core.annotation.rounds.reach import Reach
from automl_core.annotation.rounds.scoring import held_out, score
from automl_core.annotation.selection import Pool, Rules, select
from automl_core.annotation.selection.batch import Batch, Choice
from automl_core.backends import apart

REQUEST, ITEMS, ARRAYS, DONE, SCORED = "request.json", "items.jsonl", "arrays.npz", "done.json", "scored.npz"
FORMAT = 1
MODULE = "automl_core.annotation.rounds"

Content = Mapping[str, Any]


class NotDone(RuntimeError):
    """A round's scoring or selection came to nothing. The message says why."""


def scored(
    models: Sequence[Mapping[str, Any]], contents: Sequence[Content], *, columns: Sequence[str], classes: Sequence[str],
    reach: Reach, folder: Path,
) -> list[dict[str, Any]]:  # fmt: skip
    """Probabilities of items by models' folders.

    Args:
        models: of each ``name``, ``folder``, ``family``; ``held_out`` (files), ``rows`` ([item, label] of the data set
            version that it learned from) and ``texts`` (columns of it) where predictions out of training are wanted.
        contents: of the items.
        columns: of items.
        classes: of the file.
        reach: how long, and with how much memory.
        folder: for the process's files; emptied first.

    Returns:
        Of each model ``outputs`` (n, classes), or ``refused`` (why it can't be used); ``notes``; ``held`` (item → its
        probabilities out of training), and ``not_held`` (why there are none).
    """
    request = {"do": "score", "models": list(models), "columns": list(columns), "classes": list(classes)}
    with _work(request, contents, {}, reach, folder) as (done, arrays):
        found = []
        for place, each in enumerate(done["models"]):
            one = dict(each)
            if f"outputs{place}" in arrays:
                one["outputs"] = arrays[f"outputs{place}"]
            if f"held{place}" in arrays:
                one["held"] = dict(zip(each["held_items"], arrays[f"held{place}"], strict=True))
            found.append(one)
    return found


def selected(
    ids: Sequence[str], contents: Sequence[Content] | None, outputs: NDArray[np.float32] | None, *, many: int,
    seed: int, rules: Mapping[str, Any], columns: Sequence[str], kind: str, classes: Sequence[str], reach: Reach,
    folder: Path,
) -> Batch:  # fmt: skip
    """`selection.select` over open items.

    Args:
        ids: of the items that may be chosen.
        contents: of them; None: they resemble each other by what models say alone.
        outputs: (models, n, classes) what one or two models say.
        many, seed: see `select`.
        rules: fields of `selection.Rules`.
        columns, kind: of items, for features.
        classes: of the file.
        reach, folder: see `scored`.
    """
    request = {
        "do": "select", "ids": list(ids), "many": many, "seed": seed, "rules": dict(rules), "columns": list(columns),
        "kind": kind, "classes": list(classes),
    }  # fmt: skip
    arrays = {} if outputs is None else {"outputs": outputs}
    with _work(request, contents or (), arrays, reach, folder) as (done, _):
        return Batch(tuple(Choice(**each) for each in done["choices"]), tuple(done["notes"]))


@contextmanager
def _work(
    request: Mapping[str, Any], contents: Sequence[Content], arrays: Mapping[str, Any], reach: Reach, folder: Path
) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="work-", dir=folder)).absolute()
    try:
        (home / REQUEST).write_text(json.dumps({"format": FORMAT, **request}, ensure_ascii=False), encoding="utf-8")
        with (home / ITEMS).open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(dict(each), ensure_ascii=False) + "\n" for each in contents)
        if arrays:
            np.savez(home / ARRAYS, **arrays)
        if reach.apart:
            try:
                apart.run(
                    apart.command(MODULE, home, reach.memory), home, what=f"the round's {request['do']}",
                    results=(SCORED, DONE), timeout=reach.timeout, say=reach.say, wanted=reach.wanted,
                )  # fmt: skip
            except apart.NotDone as error:
                raise NotDone(str(error)) from None
        else:
            for name, data in work(home).items():
                (home / name).write_bytes(data)
        with np.load(home / SCORED, allow_pickle=False) as held:
            found = dict(held)
        yield json.loads((home / DONE).read_text(encoding="utf-8")), found
    finally:
        shutil.rmtree(home, ignore_errors=True)


# --- in the process ------------------------------------------------------------------------------


def work(folder: Path) -> dict[str, bytes]:
    """Do what a folder asks for; results by name, the one that says that all is there last."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    if request.get("format") != FORMAT:
        raise ValueError(f"a request of the format {request.get('format')}; this release reads {FORMAT}")
    with (folder / ITEMS).open(encoding="utf-8") as lines:
        contents = [json.loads(line) for line in lines]
    done, arrays = _DOING[request["do"]](request, contents, folder)
    import io

    file = io.BytesIO()
    np.savez(file, **arrays)
    return {SCORED: file.getvalue(), DONE: json.dumps(done, ensure_ascii=False).encode()}


def _score(request: Mapping[str, Any], contents: list[Content], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    del folder
    said: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for place, model in enumerate(request["models"]):
        try:
            outputs, notes = score(
                model["name"], Path(model["folder"]), contents, columns=request["columns"], classes=request["classes"],
                family=model.get("family"),
            )  # fmt: skip
        except NotUsable as error:
            said.append({"refused": str(error), "notes": []})
            continue
        arrays[f"outputs{place}"] = outputs.astype(np.float32)
        one: dict[str, Any] = {"notes": notes, "held_items": []}
        if model.get("rows") is not None:
            files = [Path(each) for each in model.get("held_out") or ()]
            held, why = held_out(files, model["rows"], request["classes"], model.get("texts") or {})
            one["not_held"] = why
            if held:
                one["held_items"] = list(held)
                arrays[f"held{place}"] = np.stack(list(held.values())).astype(np.float32)
        said.append(one)
    return {"models": said}, arrays


def _select(request: Mapping[str, Any], contents: list[Content], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    outputs = None
    if (folder / ARRAYS).is_file():
        with np.load(folder / ARRAYS, allow_pickle=False) as held:
            outputs = held["outputs"]
    pool = Pool(
        request["ids"], None if outputs is None else outputs[0],
        outputs[1] if outputs is not None and len(outputs) > 1 else None,
        features(contents, request["columns"], request["kind"]) if contents else None, classes=request["classes"],
    )  # fmt: skip
    batch = select(pool, Rules(**request["rules"]), many=request["many"], seed=request["seed"])
    choices = [
        {
            "item": each.item, "row": each.row, "priority": each.priority, "kind": each.kind, "reason": each.reason,
            "value": each.value,
        }
        for each in batch.choices
    ]  # fmt: skip
    return {"choices": choices, "notes": list(batch.notes)}, {}


_DOING = {"score": _score, "select": _select}
