"""Which trials answer together, by what they said of rows held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular import ensemble
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.trial import TrialResult, held_out

Floats = NDArray[np.float64]


@dataclass
class Selection:
    """Chosen trials, and what they together say of rows held out.

    Attributes:
        chosen: trials and their weights.
        outputs: over the table's rows, NaN of rows that were never held out; None where no trial ran all folds.
        rows: those that were.
        why: what was done, in words, where it was not the usual.
    """

    chosen: list[tuple[TrialResult, float]]
    outputs: Floats | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    why: str = ""

    def only(self, weights: Sequence[tuple[int, float]]) -> Selection:
        """The same with some of its trials alone, and other weights.

        Args:
            weights: (trial number, weight) of those that stay.
        """
        trials = {each.number: each for each, _ in self.chosen}
        chosen = [(trials[number], weight) for number, weight in weights]
        outputs = None if self.outputs is None else np.full_like(self.outputs, np.nan)
        if outputs is not None:
            outputs[self.rows] = sum(weight * each.outputs[self.rows] for each, weight in chosen)
        return Selection(chosen, outputs, self.rows, self.why)


def select(prepared: Prepared, results: Sequence[TrialResult]) -> Selection:
    """The trials that answer together; none where none succeeded."""
    options = prepared.options
    usable = [each for each in results if each.usable]
    why = ""
    if not usable:
        # folds that ran are better than nothing: those of the trials that came farthest, which ran the same ones
        partial = [each for each in results if each.folds and math.isfinite(each.loss)]
        if not partial:
            return Selection([], why="no pipeline could be fitted" if results else "no pipeline was tried")
        most_folds = max(len(each.folds) for each in partial)
        usable = [each for each in partial if len(each.folds) == most_folds]
        why = f"no pipeline ran all {len(prepared.split.folds)} folds; {_those(usable)} came farthest, {most_folds}"
        if len(usable) == 1:
            return Selection([(usable[0], 1.0)], why=why)
    if options.row_seconds is not None:
        quick = [each for each in usable if each.row_seconds <= options.row_seconds]
        if not quick:
            quick = [min(usable, key=lambda each: each.row_seconds)]
            slow = f"no pipeline scores a row in {options.row_seconds:g} s: the quickest was taken"
            why = "; ".join([*([why] if why else []), slow])
        usable = quick
    rows = held_out(usable[0].outputs)
    picked = ensemble.candidates([each.loss for each in usable], [each.learner for each in usable])
    candidates = [usable[each] for each in picked]
    held = ensemble.Held(
        prepared.problem.metric, prepared.y[rows], prepared.weights_of(rows),
        np.stack([each.outputs[rows] for each in candidates]),
        None if prepared.groups is None else prepared.groups[rows],
    )  # fmt: skip
    most = options.ensemble
    while True:
        found = ensemble.select(held, most=most, seed=options.seed)
        chosen = [(candidates[place], weight) for place, weight in found.members]
        spent = sum(each.row_seconds for each, _ in chosen)
        if options.row_seconds is None or most == 1 or spent <= options.row_seconds:
            break
        most = max(most // 2, 1)
        fewer = f"fewer members, since a row may take {options.row_seconds:g} s"
        why = why if fewer in why else "; ".join([*([why] if why else []), fewer])
    outputs = np.full(usable[0].outputs.shape, np.nan)
    outputs[rows] = sum(weight * each.outputs[rows] for each, weight in chosen)
    return Selection(chosen, outputs, rows, why)


def _those(trials: Sequence[TrialResult]) -> str:
    if len(trials) == 1:
        return f"trial {trials[0].number}"
    return f"trials {', '.join(str(each.number) for each in trials[:5])}{' and others' if len(trials) > 5 else ''}"
