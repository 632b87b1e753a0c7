"""How good the models of a round are, on the random stratum alone; and the items that they are wrong on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.annotation.items import pack
from automl_core.annotation.project import BadCase
from automl_core.annotation.project.layout import round_prefix
from automl_core.annotation.rounds import predictions as kept
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.choosing import spent
from automl_core.annotation.rounds.looks import KEY, next_look
from automl_core.annotation.rounds.models import Models
from automl_core.annotation.rounds.predicting import predictions_of
from automl_core.annotation.rounds.reach import Reach
from automl_core.annotation.rounds.told import audits_of, fitting, suspects_of
from automl_core.rates import rate_interval

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState
    from automl_core.journal import Person

CONFIDENCE = 0.95
"""Of the intervals that people read; the rule that ends it all counts its looks (`verdict`)."""


@dataclass
class Evaluated:
    """What came of it.

    Attributes:
        evidence: as the journal has it: ``models`` (of each ``name``, ``labeller``, ``run``, ``set``, ``right``,
            ``of``, ``accuracy``, ``low``, ``high``, ``classes`` {class: {right, of}}, ``hits`` {right, wrong,
            unanswered: packed numbers}), ``best`` (place of the best model), ``look`` (`looks`), ``labels``, ``cost``,
            ``predictions`` (key), ``passed`` (labels of the stratum that are no random sample), ``audits`` and
            ``suspects`` (`told`).
        opened, fixed, regressed: bad cases that changed.
        notes: for people.
    """

    evidence: dict[str, Any] = field(default_factory=dict)
    opened: int = 0
    fixed: int = 0
    regressed: int = 0
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return dict(vars(self))


def evaluate(
    project: Project, file: AnnotationFile, number: int, models: Models, reach: Reach, folder: Path, by: Person
) -> Evaluated:
    """Judge the models that a round has trained.

    Only items of the random stratum that people labelled by their turn count; what they could not label counts as
    wrong. Models whose training is not known are not judged.

    Bad cases are items that people have labelled and that a model is wrong on: of the stratum; of what was labelled in
    this round, as the models that it began with had said; and of what the best model has learned from, as its folds
    say, or where none were published it itself. Wrong even on what it has learned is a bad case all the more. Right on
    it is held to be fixed, though a model may know it by heart: the stratum alone says how good it is.

    Args:
        project: it.
        file: of it.
        number: of the round.
        models: those that it has trained (`find_models`).
        reach, folder: see `predict`.
        by: whose act.

    A round that is judged again after later ones keeps its own labels and cost, and changes no bad case any more: its
    models are not the newest.

    Raises:
        NotDone: scoring came to nothing.
        StorageError: the store is away.
    """
    project.refresh()
    answers = Answers.of(project, file)
    done = Evaluated(notes=list(models.notes))
    state = project.state
    wanted = sorted({*answers.sample.numbers, *(each for each in answers.known if each not in state.retired)})
    known = [each for each in models.found if each.known]
    predictions, _ = predictions_of(project, file, wanted, known, reach, folder, done.notes)
    judged = _judged(predictions, answers) if predictions is not None else []
    best = max(range(len(judged)), key=lambda place: (judged[place]["right"], -place)) if judged else None
    key = keep_of(project, number, predictions)
    of_round = next((each for each in reversed(state.sets.values()) if each.round <= number), None)
    done.evidence = {
        "models": judged, "best": best, KEY: next_look(state, file, number, judged), "predictions": key,
        "passed": len(answers.sample.passed),
        "labels": sum(of_round.by_source.get(name, 0) for name in ("person", "imported")) if of_round else 0,
        "cost": spent(state, number), "audits": audits_of(project, answers, done.notes),
    }  # fmt: skip
    suspects = suspects_of(predictions, answers)
    if suspects is not None:
        done.evidence["suspects"] = suspects
    if answers.sample.passed:
        done.notes.append(
            f"{len(answers.sample.passed)} labels of the random stratum were imported or known: they are no random "
            "sample, and count neither here nor in training"
        )
    fitting(done.evidence, done.notes)
    current = state.rounds[number].evaluation
    if current is None or current.evidence != done.evidence:
        project.evaluated(number, done.evidence, by)
    if any(each.number > number and each.evaluation is not None for each in state.rounds.values()):
        done.notes.append("bad cases are what a later round has made of them")
    elif predictions is not None and best is not None:
        _cases(project, number, predictions, answers, best, by, done)
    return done


def keep_of(project: Project, number: int, predictions: kept.Predictions | None) -> str | None:
    """Keep the predictions of an evaluation; None where there are none."""
    if predictions is None:
        return None
    return kept.keep(project.store, round_prefix(project.prefix, number), predictions, "evaluation")


def _judged(predictions: kept.Predictions, answers: Answers) -> list[dict[str, Any]]:
    found = []
    sample = answers.sample
    for place, model in enumerate(predictions.models):
        usable = predictions.usable()[place]
        right: list[int] = []
        wrong: list[int] = []
        unanswered: list[int] = []
        classes = {name: {"right": 0, "of": 0} for name in predictions.classes}
        for number in sample.numbers:
            row = predictions.rows[number]
            if predictions.how[place, row] != kept.DIRECT:
                continue  # it has learned from it: the stratum was a smaller one then
            label = sample.labels.get(number)
            if label is None:
                unanswered.append(number)
                continue
            said = predictions.classes[int(predictions.outputs[place, row].argmax())] if usable[row] else ""
            (right if said == label else wrong).append(number)
            classes[label]["of"] += 1
            classes[label]["right"] += said == label
        of = len(right) + len(wrong) + len(unanswered)
        low, high = rate_interval(len(right), of, CONFIDENCE)
        found.append({
            "name": model["name"], "labeller": model["labeller"], "run": model["run"], "set": model["set"],
            "right": len(right), "of": of, "accuracy": len(right) / of if of else None, "low": low,
            "high": high, "classes": classes,
            "hits": {"right": pack(right), "wrong": pack(wrong), "unanswered": pack(unanswered)},
        })  # fmt: skip
    return found


def _cases(
    project: Project, number: int, predictions: kept.Predictions, answers: Answers, best: int, by: Person,
    done: Evaluated,
) -> None:  # fmt: skip
    """Bad cases: first of the models that the round began with, on what people have labelled in it; then of the best.

    Each step looks at the state that the one before has left, so a second try finds nothing to change.
    """
    earlier = _earlier(project, number)
    if earlier is not None:
        labelled = {vote.item for vote in project.state.votes if vote.round == number}
        place = 0
        _, wrong = _right_and_wrong(earlier, answers, place, how=(kept.DIRECT,), only=labelled)
        opened = sorted(number_of for number_of in wrong if number_of not in project.state.cases)
        _moved(project, number, str(earlier.models[place]["name"]), (opened, [], []), by, done)
    right, wrong = _right_and_wrong(predictions, answers, best)
    name = str(predictions.models[best]["name"])
    _moved(project, number, name, moves(project.state, right, wrong), by, done)


def _earlier(project: Project, number: int) -> kept.Predictions | None:
    """What the models that a round began with said of the items, before people labelled them."""
    keys = project.store.list(f"{round_prefix(project.prefix, number)}predictions-", limit=1)
    return kept.read(project.store, keys[0]) if keys else None


def _right_and_wrong(
    predictions: kept.Predictions, answers: Answers, model: int, *,
    how: Sequence[int] = (kept.DIRECT, kept.HELD_OUT, kept.LEARNED), only: set[int] | None = None,
) -> tuple[set[int], set[int]]:  # fmt: skip
    usable = predictions.usable(how=how)[model]
    right: set[int] = set()
    wrong: set[int] = set()
    for number, row in predictions.rows.items():
        known = answers.known.get(number)
        if not usable[row] or known is None or number in answers.gold or number in answers.sample.passed:
            continue
        if only is not None and number not in only:
            continue
        said = predictions.classes[int(predictions.outputs[model, row].argmax())]
        (right if said == known.label else wrong).add(number)
    return right, wrong


def _moved(
    project: Project, number: int, model: str, found: tuple[list[int], list[int], list[int]], by: Person,
    done: Evaluated,
) -> None:  # fmt: skip
    if not any(found):
        return
    opened, fixed, regressed = (project.catalog.ids_of(each) for each in found)
    project.bad_cases(number, model, opened, fixed, regressed, by)
    done.opened, done.fixed = done.opened + len(opened), done.fixed + len(fixed)
    done.regressed += len(regressed)


def moves(state: ProjectState, right: set[int], wrong: set[int]) -> tuple[list[int], list[int], list[int]]:
    """Bad cases that an evaluation opens, fixes, and finds again: each from where it is, so twice changes nothing."""
    cases = {number: case.state for number, case in state.cases.items()}
    opened = sorted(number for number in wrong if number not in cases)
    fixed = sorted(number for number in right if cases.get(number) in (BadCase.OPEN, BadCase.REGRESSED))
    regressed = sorted(number for number in wrong if cases.get(number) is BadCase.FIXED)
    return opened, fixed, regressed


def hits_of(model: Mapping[str, Any]) -> dict[str, bool | None]:
    """Item of the stratum → whether a model was right on it, None where people gave no label, of its evidence."""
    from automl_core.annotation.items import unpack

    found: dict[str, bool | None] = {}
    values: Sequence[tuple[str, bool | None]] = (("right", True), ("wrong", False), ("unanswered", None))
    for name, value in values:
        found.update((str(number), value) for number in unpack(model["hits"][name]))
    return found


def best_of(evidence: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The best model of an evaluation; None where none was judged."""
    return evidence["models"][evidence["best"]] if evidence.get("best") is not None else None
