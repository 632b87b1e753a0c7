"""A project that has gone round three times: people who err, models that take, gold, suspects, bad cases."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from automl_core.annotation.items import pack
from automl_core.annotation.project import DataSetVersion, Label, Person, Project, Source
from automl_core.annotation.project.choices import Chosen
from automl_core.storage.base import ObjectStore

CLASSES = ("order", "refund", "other")

DAG = Person("intents.annotation", "dag")

RIGHT = {"anna": 0.97, "ben": 0.8}


@dataclass
class Clock:
    """Time that passes when it is looked at."""

    time: float = 1_000_000.0

    def __call__(self) -> float:
        self.time += 0.25
        return self.time


@dataclass
class Lived:
    """The project, and what is true of its items."""

    project: Project
    truth: dict[str, str]
    clock: Clock


def document_of(name: str) -> dict[str, Any]:
    """The project's file, as its journal has it."""
    return {
        "kind": "annotation", "name": name, "labels": {"classes": list(CLASSES)},
        "people": {"currency": "EUR", "price": 0.05, "votes": 2, "least_right": 0.85},
        "stop": {"money": 50.0, "target": 0.95},
    }  # fmt: skip


def live(
    store: ObjectStore, name: str, *, rounds: int = 3, items: int = 240, seed: int = 0,
    document: dict[str, Any] | None = None,
) -> Lived:  # fmt: skip
    """Make its journal. Each round: 12 stratum items, 20 useful ones, 2 gold ones to two people; models take 30."""
    chance, clock = random.Random(seed), Clock()
    project = Project.open(store, name, clock=clock, sleep=lambda _: None)
    project.configure(document or document_of(name), DAG)
    contents = [{"text": f"where is my parcel number {n}"} for n in range(items)]
    project.add_items(contents, DAG, source="parcels.jsonl", keys=[str(n) for n in range(items)])
    ids = project.catalog.ids_of(range(items))
    truth = {each: chance.choice(CLASSES) for each in ids}
    rest = list(ids)
    chance.shuffle(rest)
    golden, rest = rest[:6], rest[6:]
    imported, rest = rest[:5], rest[5:]
    stratum, rest = rest[: 12 * rounds], rest[12 * rounds :]
    known = [Label(each, truth[each], "answers.csv", Source.IMPORTED, kind="gold", where="file") for each in golden]
    known += [Label(each, truth[each], "crm", Source.IMPORTED, where="file") for each in imported]
    project.label(known, DAG)
    lived = Lived(project, truth, clock)
    for number in range(1, rounds + 1):
        rest = _round(lived, number, stratum, golden, rest, chance)
    return lived


def _round(
    lived: Lived, number: int, stratum: list[str], golden: list[str], rest: list[str], chance: random.Random
) -> list[str]:  # fmt: skip
    project, truth, clock = lived.project, lived.truth, lived.clock
    project.begin_round(number, DAG)
    threshold = project.found_threshold(
        number, ["trees 1", "linear 1"], 0.9, number, {"accuracy": 0.97, "confidence": 0.95}, {"sample": pack([])}, DAG
    )
    taken, rest = rest[:30], rest[30:]
    wrong = {each: next(c for c in CLASSES if c != truth[each]) for each in taken[:1]}
    project.take(threshold, {each: wrong.get(each, truth[each]) for each in taken}, DAG)
    fresh, rest = rest[:20], rest[20:]
    mine = stratum[12 * (number - 1) : 12 * number]
    asked = [(each, "stratum") for each in mine] + [(each, "useful") for each in fresh]
    asked += [(each, "gold") for each in golden[2 * (number - 1) : 2 * number]]
    asked += [(each, "audit") for each in taken[:4]]
    batch = project.send(number, [Chosen(each, kind) for each, kind in asked], "page", 2, DAG, clock.time + 86400, 0.05)
    for name, right in RIGHT.items():
        project.label([_answer(each, name, truth[each], right, chance) for each, _ in asked], Person(name, "rest"))
    said = project.state.answer_by(project.catalog.number_of(fresh[0]), "ben")  # and thinks again
    other = next(each for each in CLASSES if said is not None and each != said.label)
    project.label([Label(fresh[0], other, "ben", seconds=30.0, where="page")], Person("ben", "rest"))
    if number == 2:
        project.take_back(threshold, taken[10:15], "people found two to be wrong", DAG)
    project.close_batch(batch.number, "all have answered", DAG)
    _train(lived, number, stratum, golden)
    _evaluate(lived, number, stratum[: 12 * number], chance)
    project.end_round(number, {"state": "SUCCEEDED"}, DAG)
    return rest


def _answer(item: str, author: str, truth: str, right: float, chance: random.Random) -> Label:
    if chance.random() < 0.04:
        return Label(item, "", author, seconds=4.0, skipped=True, where="page")
    other = chance.choice([each for each in CLASSES if each != truth])
    return Label(item, truth if chance.random() < right else other, author, seconds=4.0, where="page")


def _train(lived: Lived, number: int, stratum: list[str], golden: list[str]) -> None:
    project = lived.project
    state = project.refresh()
    out = {project.catalog.number_of(each) for each in (*stratum, *golden)}
    rows = sorted((set(state.labelled()) | set(state.taken)) - out - set(state.retired))
    rows = [each for each in rows if each in state.taken or any(not vote.skipped for vote in state.answers(each))]
    version = DataSetVersion(
        number, f"{project.prefix}sets/{number}-abc/", f"{number:064x}", len(rows), pack(rows), {"person": len(rows)}
    )
    project.wrote_set(number, version, DAG)
    for experiment in ("intents_trees", "intents_linear"):
        model = {"name": "intents", "version": number} if experiment == "intents_trees" else {"prefix": "runs/x/"}
        project.trained(number, number, experiment, f"annotation-{number}", "SUCCEEDED", model, DAG)


def _evaluate(lived: Lived, number: int, stratum: list[str], chance: random.Random) -> None:
    project = lived.project
    numbers = sorted(project.catalog.number_of(each) for each in stratum)
    right = [each for each in numbers if each % 10 < 5 + number]
    wrong = [each for each in numbers if each not in right]
    hits = {"right": pack(right), "wrong": pack(wrong), "unanswered": pack([])}
    classes = {"order": {"right": 3, "of": 4}}
    state = project.state
    useful = sorted(each for each in state.labelled() if each not in numbers)
    evidence = {
        "models": [{"name": "intents_trees 1", "hits": hits, "classes": classes}], "best": 0, "labels": 40 * number,
        "audits": [{"threshold": number, "right": pack(useful[:9]), "wrong": pack(useful[9:10])}],
        "suspects": [{"item": each, "label": "order", "suggested": "refund", "wrong": 0.9} for each in useful[-3:]],
    }  # fmt: skip
    project.evaluated(number, evidence, DAG)
    ids = project.catalog.ids_of
    opened = [each for each in wrong if each not in state.cases]
    fixed = [each for each in right if each in state.cases and state.cases[each].state != "FIXED"]
    project.bad_cases(number, "intents_trees 1", ids(opened), ids(fixed), [], DAG)
