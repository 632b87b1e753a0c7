"""A project of annotation on simulated people, with experiments that are trained here and now, by the library."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.project import Label, Project
from automl_core.annotation.rounds import (
    Chosen,
    Models,
    Predicted,
    Reach,
    Settled,
    Verdict,
    choose,
    collect,
    digests,
    evaluate,
    find_models,
    predict,
    settle,
    verdict,
)
from automl_core.data.access import FromEnvironment
from automl_core.data.fingerprint import take
from automl_core.journal import Person
from automl_core.spec.places import parse_place
from automl_core.storage.folder import FolderStore
from tests.unit.annotation.agreement import folders

CLASSES = ["order", "refund", "other"]
WORDS = {
    "order": ["order", "buy", "purchase", "cart"],
    "refund": ["refund", "money", "back", "return"],
    "other": ["hello", "weather", "nice", "day"],
}
BY = Person("test", "airflow")


def texts(many: int, seed: int = 0, sure: float = 0.7) -> dict[str, str]:
    """Text → its class, each once."""
    draw, found = random.Random(seed), dict[str, str]()
    while len(found) < many:
        truth = draw.choice(CLASSES)
        words = [
            draw.choice(WORDS[truth]) if draw.random() < sure else draw.choice(["i", "want", "the", "please", "now"])
            for _ in range(7)
        ]
        found.setdefault(" ".join(words), truth)
    return found


def file_of(root: Path, **more: Any) -> AnnotationFile:
    """A project's file with small rounds."""
    document: dict[str, Any] = {
        "kind": "annotation", "name": "intents", "output": {"storage": f"file://{root}/runs"},
        "items": {"data": f"{root}/data/*.jsonl", "kind": "text", "columns": ["text"]}, "labels": {"classes": CLASSES},
        "models": [{"experiment": "trees"}, {"experiment": "linear"}],
        "select": {"many": 40, "random_share": 0.5, "stratum_share": 0.5, "seed": 3},
        "agree": {"accuracy": 0.8, "confidence": 0.8}, "people": {"price": 0.1, "gold": 0.0}, "stop": {"rounds": 3},
    }  # fmt: skip
    for name, value in more.items():
        both = isinstance(document.get(name), dict) and isinstance(value, dict)
        document[name] = {**document[name], **value} if both else value
    return AnnotationFile.model_validate(document)


Opinion = Callable[[str], Mapping[str, float]]
"""Text → probabilities, of a model that tests make up."""


@dataclass
class World:
    """Everything that a round needs, in one folder."""

    root: Path
    file: AnnotationFile
    truth: dict[str, str]
    errors: float = 0.0
    project: Project = field(init=False)
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.store: Any = FolderStore(self.root / "runs")
        self.reopen()
        self.bring(self.truth)
        self.reach = Reach(lambda name: self.store, home=self.root, folder=self.root, apart=False, memory=None)
        self.draw = random.Random(5)
        self.opinions: dict[str, Opinion] = {}

    def reopen(self) -> Project:
        """The project as another process finds it."""
        self.project = Project(self.store, self.file.name, clock=self.clock, sleep=lambda _: None)
        return self.project

    def clock(self) -> float:
        self.now += 1
        return self.now

    def bring(self, rows: Mapping[str, str], name: str = "first", **columns: Callable[[str], Any]) -> None:
        folder = self.root / "data"
        folder.mkdir(exist_ok=True)
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as lines:
            for text in rows:
                lines.write(json.dumps({"text": text, **{key: of(text) for key, of in columns.items()}}) + "\n")

    # --- the steps --------------------------------------------------------------------------------

    def models(self, runs: Mapping[str, str] | None = None) -> Models:
        folder = Path(tempfile.mkdtemp(dir=self.root))
        return find_models(self.file, digests(self.project.state), self.reach, folder, runs=runs)

    def first(self, number: int) -> None:
        self.project.configure(self.file.plain(), BY)
        self.project.begin_round(number, BY)

    def begin(self, number: int) -> tuple[Predicted, Settled, Chosen]:
        self.first(number)
        collect(self.project, self.file, self.reach, BY)
        predicted = predict(self.project, self.file, number, self.models(), self.reach, self.root)
        settled = settle(self.project, self.file, number, predicted, BY)
        return predicted, settled, choose(self.project, self.file, number, predicted, self.reach, self.root, BY)

    def begin_again(self, number: int) -> tuple[Predicted, Settled, Chosen]:
        """Begin a round where the one before has not been judged."""
        self.project.end_round(number - 1, {}, BY)
        return self.begin(number)

    def people(self, who: str = "anna", skip: Sequence[str] = ()) -> int:
        """Answer all that is asked; by mistake as often as is stated."""
        state, catalog = self.project.refresh(), self.project.catalog
        ids = catalog.ids_of(state.open_tasks())
        found = []
        for id in ids:
            text = str(catalog.content(id)["text"])
            right = self.truth[text]
            label = self.draw.choice([c for c in CLASSES if c != right]) if self.draw.random() < self.errors else right
            found.append(
                Label(item=id, author=who, skipped=True, where="page") if text in skip
                else Label(item=id, label=label, author=who, seconds=3.0, where="page")
            )  # fmt: skip
        self.project.label(found, BY)
        return len(found)

    def end(self, number: int, runs: Mapping[str, str] | None) -> Verdict:
        evaluate(self.project, self.file, number, self.models(runs), self.reach, self.root, BY)
        self.project.end_round(number, {}, BY)
        return verdict(self.project, self.file, number, BY)

    # --- experiments ------------------------------------------------------------------------------

    def newest(self) -> Path:
        return self.root / "runs" / "_annotation" / self.file.name / "newest" / "train.csv"

    def publish(self, experiment: str, run: str, model: Path, *, data: Path | None = None, **entry: Any) -> None:
        """Lay a model down as an experiment publishes it."""
        home = self.root / "runs" / experiment / run
        shutil.copytree(model, home / "best_model" / "model", dirs_exist_ok=True)
        told = take(parse_place(str(data or self.newest())), self.root, FromEnvironment()).to_json()
        body = {"experiment": {"state": "FINISHED", "name": experiment, "run": run, "best_trial": 0,
                               "data": {"train": told}, **entry}}  # fmt: skip
        (home / "controller.json").write_text(json.dumps(body))

    def train(self, experiment: str, run: str, opinion: Opinion, *, family: str, **entry: Any) -> None:
        """Publish a model that says what a function says (`opinions` has to be in force)."""
        folder = Path(tempfile.mkdtemp(dir=self.root)) / "model"
        folder.mkdir()
        folders.write(folder, [{"weight": 1.0, "model": {"type": family}}], [])
        self.publish(experiment, run, folder, **entry)
        self.opinions[f"{experiment}@{run}"] = opinion

    def scored(
        self, models: Sequence[Mapping[str, Any]], contents: Sequence[Mapping[str, Any]], **_: Any
    ) -> list[dict[str, Any]]:
        """In place of `working.scored`: what the functions say."""
        found = []
        for each in models:
            opinion = self.opinions[each["name"]]
            table = [[opinion(str(one["text"])).get(name, 0.0) for name in CLASSES] for one in contents]
            found.append(
                {"outputs": np.asarray(table, dtype=np.float32), "notes": [], "held": {}, "not_held": "no folds"}
            )
        return found


def sure_of(truth: Mapping[str, str], sure: float = 0.97, wrong: Callable[[str], bool] = lambda text: False) -> Opinion:
    """A model that knows the truth of each text but of those that it is wrong on."""

    def opinion(text: str) -> Mapping[str, float]:
        label = truth[text]
        if wrong(text):
            label = CLASSES[(CLASSES.index(label) + 1) % 3]
        return {name: sure if name == label else (1 - sure) / 2 for name in CLASSES}

    return opinion


def unsure_of(truth: Mapping[str, str], share: float, seed: int) -> Opinion:
    """A model that knows most texts, and hesitates over a share of them, drawn at random; wrong on half of these."""
    draw = random.Random(seed)
    hard = {text for text in truth if draw.random() < share}
    wrong = {text for text in truth if text in hard and draw.random() < 0.5}  # a set has another order in each process

    def opinion(text: str) -> Mapping[str, float]:
        label = truth[text]
        if text in wrong:
            label = CLASSES[(CLASSES.index(label) + 1) % 3]
        sure = 0.45 if text in hard else 0.97
        return {name: sure if name == label else (1 - sure) / 2 for name in CLASSES}

    return opinion
