"""Bad cases: rows that a model gets wrong, followed from version to version by what names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.document import MOST_CASES
from automl_core.models.evaluation.options import EvaluateOptions
from automl_core.models.evaluation.prepared import Prepared
from automl_core.models.evaluation.rows import Rows, digests
from automl_core.models.evaluation.subjects import Said

STATES = ("fixed", "still", "new", "regressed", "unseen")


@dataclass(frozen=True)
class Judged:
    """How a model did on each row.

    Attributes:
        bad: (n,) rows that are bad cases.
        loss: (n,) how bad: of classes one less the probability of what came; of numbers the absolute error.
    """

    bad: NDArray[np.bool_]
    loss: NDArray[np.float64]


def bad_cases(
    prepared: Prepared, subjects: Sequence[Any], options: EvaluateOptions, earlier: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the champion got wrong and what became of it.

    A row that both get wrong is *still* bad, one that the champion alone gets wrong is *fixed*, one that the challenger
    alone gets wrong is *new*, or *regressed* where an earlier version had mended it. An earlier bad case that no row
    has any more is *unseen*: it is carried on.

    Args:
        prepared: the rows.
        subjects: whose the first is the challenger.
        options: what is a bad case of numbers.
        earlier: ``{id, state: bad|fixed, since, row}`` as `document.earlier_of` gives them.

    Returns:
        ``cases`` of the evidence, and those of the rows' object.
    """
    threshold = None
    rule = "the class that is said is not the one that came"
    if prepared.kind == "regression":
        basis = prepared.said.get("champion", prepared.said["challenger"])
        errors = np.abs(basis.outputs - prepared.truth)
        threshold = options.threshold
        if threshold is None:
            threshold = float(np.quantile(errors, 1 - options.worst))
            whose = "champion" if "champion" in prepared.said else "challenger"
            rule = f"the error is above {threshold:.6g}, which {options.worst:.0%} of the {whose}'s are"
        else:
            rule = f"the error is above {threshold:.6g}"
    judged = {role: _judged(prepared.truth, said, threshold) for role, said in prepared.said.items()}
    here = set(prepared.ids)
    known = {_now(case, here, prepared.by, subjects[0]): case for case in earlier}
    states = states_of(judged, prepared.ids, known)
    gone = [(name, case) for name, case in known.items() if name not in here and case.get("state", "bad") == "bad"]
    counts = {state: int(np.count_nonzero(states == k + 1)) for k, state in enumerate(STATES)} | {"unseen": len(gone)}
    lists: dict[str, list[str]] = {}
    rows: list[dict[str, Any]] = []
    for k, state in enumerate(STATES[:-1]):
        whose = "champion" if state == "fixed" else "challenger"
        places = np.flatnonzero(states == k + 1)
        if len(places):
            worst = np.argsort(-judged[whose].loss[places], kind="stable")
            places = places[worst][:MOST_CASES]
        lists[state] = [prepared.ids[place] for place in places]
        rows += [_shown(prepared, judged, int(place), state, known, options, subjects) for place in places]
    lists["unseen"] = [name for name, _ in gone[:MOST_CASES]]
    rows += [
        {"id": name, "state": "unseen", "since": case.get("since"), "seen": False, "truth": None, "challenger": None,
         "champion": None, "row": case.get("row")}
        for name, case in gone[:MOST_CASES]
    ]  # fmt: skip
    body = {"by": prepared.by, "rule": rule, "threshold": threshold, "counts": counts, **lists, "most": MOST_CASES}
    return body, rows


def _judged(truth: NDArray[Any], said: Said, threshold: float | None) -> Judged:
    if said.labels is None:
        errors = np.abs(said.outputs - truth)
        return Judged(errors > (threshold or 0.0), errors)
    wrong = said.labels != truth
    if said.outputs.shape[1]:
        return Judged(wrong, 1.0 - said.outputs[np.arange(len(truth)), truth])
    return Judged(wrong, wrong.astype(np.float64))


def states_of(
    judged: Mapping[str, Judged], ids: Sequence[str], known: Mapping[str, Mapping[str, Any]]
) -> NDArray[np.int64]:
    """(n,) 0, or the place of its state among `STATES`, from 1."""
    one = judged["challenger"].bad
    other = judged["champion"].bad if "champion" in judged else np.zeros(len(one), dtype=bool)
    states = np.where(other & ~one, 1, np.where(other & one, 2, np.where(one, 3, 0))).astype(np.int64)
    mended = {name for name, case in known.items() if case.get("state") == "fixed"}
    if mended:
        for place in np.flatnonzero(states == 3).tolist():
            if ids[place] in mended:
                states[place] = 4
    return states


def _now(case: Mapping[str, Any], here: set[str], by: str, challenger: Any) -> str:
    """What names an earlier case today: rows without a key are named by what the challenger reads of them."""
    row = case.get("row")
    if str(case["id"]) not in here and by == "row" and isinstance(row, Mapping) and "#" not in str(case["id"]):
        schema = getattr(challenger, "schema", None)
        if schema is not None and {each.name for each in schema if not each.optional} <= row.keys():
            try:
                return digests(schema.read([dict(row)]))[0]
            except ValueError:  # a value that this model can't read
                pass
    return str(case["id"])


def _shown(
    prepared: Prepared, judged: Mapping[str, Judged], place: int, state: str,
    known: Mapping[str, Mapping[str, Any]], options: EvaluateOptions, subjects: Sequence[Any],
) -> dict[str, Any]:  # fmt: skip
    name = prepared.ids[place]
    before = known.get(name)
    since = before.get("since") if before is not None and before.get("state", "bad") == "bad" else None
    if since is None:
        since = options.champion if state in ("fixed", "still") else options.version
    columns = [column for subject in subjects for column in subject.columns]
    rows: Rows = prepared.rows
    return {
        "id": name, "state": state, "since": since, "seen": True,
        "truth": _value(prepared, prepared.truth[place]),
        **{role: _of(prepared, judged, role, place) for role in ("challenger", "champion")},
        "row": rows.shown(place, columns),
    }  # fmt: skip


def _of(prepared: Prepared, judged: Mapping[str, Judged], role: str, place: int) -> dict[str, Any] | None:
    if role not in judged:
        return None
    said = prepared.said[role]
    value = said.outputs[place] if said.labels is None else said.labels[place]
    found: dict[str, Any] = {"prediction": _value(prepared, value), "loss": float(judged[role].loss[place])}
    if said.labels is not None and said.outputs.shape[1]:
        found["score"] = float(said.outputs[place, said.labels[place]])
    return found


def _value(prepared: Prepared, value: Any) -> Any:
    return prepared.classes[int(value)] if prepared.classes else float(value)
