"""After the search: members chosen, made, calibrated, judged once, written as a model's folder, told in a report.

From the same finished trials it makes the same bytes: nothing that it writes into the model depends on the clock.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.release import RELEASE
from automl_core.tabular import calibration, effects, frames, quickness, reporting, threshold
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.finals import Finals, finals
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.problem import prior
from automl_core.tabular.report import page
from automl_core.tabular.scorers import Scorer
from automl_core.tabular.selection import Selection, select
from automl_core.tabular.trial import TrialResult, counts
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]

MakeMembers = Callable[[Prepared, Sequence[tuple[TrialResult, float]], Path, Deadline], Finals]

GOLDEN = 20
"""Rows kept in the model's folder with their outputs."""


@dataclass
class Concluded:
    """What a search has come to.

    Attributes:
        folder: of the model.
        report: what was tried, found and measured; also in ``report.json`` beside the model.
        scorer: predicts in this process.
    """

    folder: Path
    report: dict[str, Any]
    scorer: Scorer


def conclude(
    prepared: Prepared,
    results: Sequence[TrialResult],
    *,
    others: Sequence[TrialResult] = (),
    folder: str | Path,
    trials: str | Path,
    deadline: Deadline | None = None,
    made: Mapping[str, Any] | None = None,
    why: str = "",
    check: bool = True,
    members: MakeMembers | None = None,
    times: Mapping[str, float] | None = None,
    title: str = "",
) -> Concluded:
    """Make the model of a search, and its report: ``report.json`` and ``report.html`` in the model's folder.

    Args:
        prepared: the table.
        results: of all trials; their models lie in ``trials``.
        others: trials that nothing is chosen from, which the report has all the same.
        folder: the model's, made here.
        trials: where `TrialResult.save` put them.
        deadline: what is left of it.
        made: more about what made the model, for its folder.
        why: the search ended, for the report.
        check: whether the folder is tried in a fresh process before it counts.
        members: makes the model's members in place of `finals`, from the trials that were chosen.
        times: seconds of what came before, by its name, for the report.
        title: of the report's page; made of the target's name where it is empty.

    Raises:
        TrainingError: the model's folder can't be written, or a fresh process scores its golden rows otherwise.
    """
    began = time.monotonic()
    until = deadline or Deadline(None, None)
    home = Path(folder)
    chosen, selection, notes = _members(prepared, results, Path(trials), until, make=members)
    lighter = None if until.seconds is None else quickness.lighter(chosen, _allowed(prepared, until.seconds))
    if lighter is not None:
        chosen, selection = lighter, selection.only(lighter.weights)
    effect = effects.learn(prepared, selection, until) if members is None and chosen.kind != "constant" else None
    document = document_of(prepared, chosen)
    schema = prepared.schema
    if effect is not None:
        schema = effects.schema_of(prepared)
        document |= {
            "schema": schema.to_json(), "members": effects.joined(chosen.members, effect),
            "calibration": effect.calibration,
        }  # fmt: skip
        notes.append(effect.why)
    notes += _calibrated(prepared, selection, document)
    edge = None if effect is None else effect.edge
    if edge is not None and selection.outputs is not None:  # as the model will say it, of new groups
        selection.outputs[selection.rows] = edge.pressed(selection.outputs[selection.rows])
    notes += thresholded(prepared, selection, document, edge=edge)
    scorer = Scorer(document, schema, chosen.estimators)
    every = [*results, *others]
    report = reporting.report(prepared, every, selection, chosen, scorer, document, until)
    report["notes"] = [*prepared.notes, *chosen.notes, *notes]
    report["search"] = {"why": why, **counts(every)}
    write(prepared, scorer, chosen, home, dict(made or {}))
    if check:
        scorer.check(home)
    spent = {**(times or {}), "conclude": time.monotonic() - began}
    # of a run in several processes only the last part is known here
    report["times"] = {**spent, "total": sum(spent.values())} if times else spent
    (home / "report.json").write_text(
        json.dumps(reporting.finite(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    page.write(home, title=title)
    return Concluded(home, report, scorer)


def _allowed(prepared: Prepared, seconds: float) -> float:
    """Seconds that a row may take; see `quickness.SHARE`."""
    return seconds / quickness.SHARE / max(1_000, len(prepared.rows) // 2)


def document_of(prepared: Prepared, members: Finals) -> dict[str, Any]:
    """What the numpy scorer reads, without calibration and threshold."""
    problem = prepared.problem
    return {
        "format": 1,
        "problem": {"kind": problem.kind, "target": problem.target, "classes": list(problem.classes)},
        "schema": prepared.schema.to_json(),
        "members": members.members,
        "calibration": None,
        "threshold": None,
    }


def _members(
    prepared: Prepared, results: Sequence[TrialResult], trials: Path, deadline: Deadline,
    make: MakeMembers | None = None,
) -> tuple[Finals, Selection, list[str]]:  # fmt: skip
    """The model's members, the trials that they are made of, and what is to be said of that.

    Where none of those that were chosen can be made a member (a learner of the user's own that can't fit all rows), the
    others are chosen from: a constant is only what is left where there is nothing else.
    """
    notes: list[str] = []
    left = list(results)
    while (selection := select(prepared, left)).chosen:
        try:
            made = (make or finals)(prepared, selection.chosen, trials, deadline)
            if {number for number, _ in made.weights} != {each.number for each, _ in selection.chosen}:
                selection = selection.only(made.weights)  # some could not be fitted on all rows
            return made, selection, [*([selection.why] if selection.why else []), *notes]
        except (TrainingError, RuntimeError, MemoryError) as error:
            notes.append(str(error) or "it needs more memory than there is")
            gone = {each.number for each, _ in selection.chosen}
            if deadline.left_for_all() <= 0:  # what learners of this kind need, a fit on all rows, has no time left
                slow = {each.learner for each, _ in selection.chosen}
                gone |= {each.number for each in left if each.learner in slow}
            left = [each for each in left if each.number not in gone]
    notes = [*([selection.why] if selection.why else []), *notes]
    rows = prepared.learned(prepared.rows)
    values = prior(prepared.problem, prepared.y[rows], prepared.weights_of(rows))
    notes.append("the model is a constant: it says of every row what the target is on the whole")
    member = {"weight": 1.0, "features": [], "model": {"type": "constant", "value": values}, "link": "identity"}
    return Finals([member], "constant", [], []), selection, notes


def _calibrated(prepared: Prepared, selection: Selection, document: dict[str, Any]) -> list[str]:
    options, problem = prepared.options, prepared.problem
    if not problem.classes or selection.outputs is None or options.calibrate is False:
        return []
    if document["calibration"] is not None:  # of known groups' intercepts: what is learned without them is not of these
        return []
    by_costs = bool(options.costs) and options.threshold in ("auto", "costs")
    if options.calibrate is None and problem.metric.needs == "labels" and problem.kind == "multiclass" and not by_costs:
        return []  # the likeliest class stays the likeliest
    rows = selection.rows
    masks = [np.isin(rows, fold.valid) for fold in prepared.split.folds[: prepared.split.first]]
    found, gain = calibration.learn(prepared.y[rows], selection.outputs[rows], prepared.weights_of(rows), masks)
    if found is None:
        return []
    document["calibration"] = {"type": "temperature", "temperature": found}
    selection.outputs[rows] = calibration.tempered(selection.outputs[rows], found)
    return [f"probabilities were calibrated (temperature {found:.3g}): log loss {gain:.1%} lower on folds held out"]


def thresholded(
    prepared: Prepared, selection: Selection, document: dict[str, Any], draws: int = threshold.DRAWS,
    edge: effects.Edge | None = None,
) -> list[str]:  # fmt: skip
    """Give a document the threshold that was asked for, or that its metric needs; returns what was done, in words.

    Args:
        prepared: the table.
        selection: what was said of rows held out.
        document: is given the threshold.
        draws: of rows, where the metric decides.
        edge: that the model presses its probabilities by: what costs say of honest ones is said of these.

    Raises:
        TrainingError: the costs that were given name other classes, or no decision follows from them.
    """
    options, problem = prepared.options, prepared.problem
    wanted = options.threshold
    if wanted == "none" or (wanted == "auto" and problem.metric.needs != "labels" and not options.costs):
        return []
    if len(problem.classes) > 2 and options.costs and wanted in ("auto", "costs"):
        try:
            costs = threshold.matrix_of_costs(options.costs, problem.classes)
        except ValueError as error:
            raise TrainingError(str(error)) from None
        document["threshold"] = {"costs": costs.tolist()}
        return ["a row is called the class of the least expected cost, by the costs that were given"]
    if len(problem.classes) != 2:
        return ["a threshold is for two classes"] if wanted != "auto" else []
    if wanted == "costs" or (wanted == "auto" and options.costs):
        try:
            found = threshold.for_costs(options.costs or {}, problem.classes)
        except ValueError as error:
            raise TrainingError(str(error)) from None
        found = found if edge is None else edge.placed(found)
        document["threshold"] = found
        return [f"from a probability of {found:.3f} on a row is {problem.classes[1]!r}: the least expected cost"]
    if selection.outputs is None or problem.metric.needs != "labels":
        return ["no threshold was chosen: the metric is none of labels"] if wanted == "metric" else []
    rows = selection.rows
    found = threshold.for_metric(
        problem.metric, prepared.y[rows], selection.outputs[rows, 1], prepared.weights_of(rows), options.seed, draws
    )
    document["threshold"] = found
    return [f"from a probability of {found:.3f} on a row is {problem.classes[1]!r}: best {problem.metric.name}"]


def write(
    prepared: Prepared, scorer: Scorer, members: Finals, home: Path, made: dict[str, Any], *, program_too: bool = True
) -> None:  # fmt: skip
    """Write a model's folder with golden rows of the table.

    Args:
        prepared: the table.
        scorer: the model.
        members: what it is made of.
        home: the folder.
        made: more about what made it.
        program_too: whether ``predict.py`` and what it needs are copied into it.

    Raises:
        TrainingError: it can't be written.
    """
    taken = prepared.rows[np.linspace(0, len(prepared.rows) - 1, min(GOLDEN, len(prepared.rows))).astype(np.int64)]
    golden = frames.as_rows(prepared.frame, scorer.schema, taken)
    options = prepared.options
    made = {
        "release": RELEASE,
        "python": platform.python_version(),
        "data": {"fingerprint": prepared.fingerprint, "rows": int(prepared.frame.n)},
        "seed": options.seed,
        "ensemble": [{"trial": number, "weight": weight} for number, weight in members.weights],
        "final": members.kind,
        "options": {name: value for name, value in options.as_json().items() if name not in ("deadline", "workers")},
        **made,
    }
    scorer.write(home, golden, prepared.problem, made, options.allow_pickle, program_too=program_too)
