"""How long a model takes to score, by counting: whatever the machine does just now, the same is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from automl_core.tabular.finals import Finals

SHARE = 40
"""Who gives a minute to find a model does not want to wait as long for predictions: of half as many rows as there were
to learn from (a thousand at least) they may take this part of the deadline."""

_LEVEL = 20e-9
"""Seconds for one row to go down one level of one tree (numpy 2.4, two cores of 2024, in batches: 11 to 25 ns)."""
_SET = 1.3
"""The same where conditions are sets of categories."""
_PRODUCT = 1e-9
"""For a multiplication within a matrix product; for a distance or a kernel, some more."""
_COLUMN = 30e-9
"""For a feature to be made."""


def row_seconds(document: Mapping[str, Any]) -> float:
    """What a member takes for a row, in seconds, when many rows are scored at once.

    Args:
        document: a member's, or one of a pipeline's fold models (see `modelfile.scoring.members`).
    """
    model = document.get("model", {})
    kind = model.get("type")
    features = _COLUMN * 10 * len(document.get("features") or ())
    if kind == "mean":
        return features + sum(map(row_seconds, model["members"]))
    if kind == "trees":
        leaves = (np.asarray(model["sizes"], dtype=np.float64) + 1) / 2
        levels = float(np.log2(leaves + 1).sum())
        return features + levels * _LEVEL * (_SET if np.size(model.get("sets", ())) else 1.0)
    if kind == "dense":
        return features + _PRODUCT * sum(float(np.size(layer["weight"])) for layer in model["layers"])
    if kind == "neighbours":
        return features + 4 * _PRODUCT * float(np.size(model["points"]))
    if kind == "svm":
        return features + 4 * _PRODUCT * float(np.size(model["vectors"]))
    return features + 1e-6


def lighter(members: Finals, allowed: float) -> Finals | None:
    """The same model made quick enough: pipelines of next to no weight for their time are left out, then fold models.

    Args:
        members: of the model, each with the place of its pipeline (`Finals.of`).
        allowed: seconds that a row may take.

    Returns:
        None where it is quick enough as it is, or can't be made quicker.
    """
    of = members.of or list(range(len(members.members)))
    if members.kind == "constant" or members.estimators or len(members.weights) != len(set(of)):
        return None
    groups: dict[int, list[dict[str, Any]]] = {}
    for place, member in zip(of, members.members, strict=True):
        groups.setdefault(place, []).append(member)
    one = {place: float(np.mean([row_seconds(each) for each in group])) for place, group in groups.items()}
    if sum(one[place] * len(group) for place, group in groups.items()) <= allowed:
        return None
    kept = sorted(groups)
    while len(kept) > 1 and sum(one[place] for place in kept) > allowed:
        kept.remove(max(kept, key=lambda place: (one[place] / max(members.weights[place][1], 1e-9), place)))
    counts = {place: len(groups[place]) for place in kept}
    while sum(one[place] * count for place, count in counts.items()) > allowed:
        many = [place for place in kept if counts[place] > 1]
        if not many:
            break
        counts[max(many, key=lambda place: (one[place] * counts[place], place))] -= 1
    if counts == {place: len(group) for place, group in groups.items()}:
        return None
    return _only(members, groups, counts)


def _only(members: Finals, groups: Mapping[int, Sequence[dict[str, Any]]], counts: Mapping[int, int]) -> Finals:
    total = sum(members.weights[place][1] for place in counts)
    weights = {place: members.weights[place][1] / total for place in counts}
    found, of = [], []
    for number, (place, count) in enumerate(counts.items()):
        found += [{**each, "weight": weights[place] / count} for each in groups[place][:count]]
        of += [number] * count
    left = [members.weights[place][0] for place in groups if place not in counts]
    notes = list(members.notes)
    if left:
        named = ", ".join(f"trial {number}" for number in left)
        notes.append(f"left out, since predictions of many rows would take long with them: {named}")
    whole = sum(len(groups[place]) for place in counts)
    if len(found) < whole:
        notes.append(f"{len(found)} of {whole} models of the folds answer, since predictions would take long with all")
    folds = [
        [{**each[place], "weight": weights[place]} for place in counts]
        for each in members.folds if len(each) == len(groups)
    ]  # fmt: skip
    return replace(
        members, members=found, of=of, notes=notes, folds=folds,
        weights=[(members.weights[place][0], weight) for place, weight in weights.items()],
    )  # fmt: skip
