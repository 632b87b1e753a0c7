"""``predict:`` of an experiment file: what the published model predicts at the end of each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from automl_core.spec.base import Model
from automl_core.spec.datasets import DataSet, place_of, place_problem
from automl_core.spec.places import DataPlace
from automl_core.spec.units import Duration


class Predict(Model):
    """A table of MaxCompute that the best model scores where it lies, by SQL, once the result is published."""

    rows: str = Field(
        description="The table that is scored, or a partition of it: odps://project/table/ds=${ds_nodash}. Dates of "
        "the run may stand in it."
    )
    out: str = Field(
        description="The table, or the partition of it, that gets a row for each: made where it is not there, "
        "overwritten where it is."
    )
    keep: list[str] = Field(default_factory=list, description="Columns of the rows that are copied, such as an id.")
    proba: bool = Field(False, description="A column `probability_CLASS` for each class as well.")
    connection: str = Field("maxcompute_default", description="Airflow connection.")
    project: str | None = Field(
        None, description="Project in which the statements run; the connection's when left out."
    )
    hints: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="Settings of every statement, as with SET."
    )
    poll: Duration = Field(10.0, description="How often what runs is looked at.")


def predict_problems(predict: Predict | None) -> list[str]:
    """What is wrong with the places of `Predict`; each problem begins with its field's path."""
    if predict is None:
        return []
    found = []
    for name in ("rows", "out"):
        text = str(getattr(predict, name))
        wrong = place_problem(text)
        if wrong is None and not text.startswith("odps://"):
            wrong = (
                f"{text} is no table of MaxCompute; allowed: odps://project/table or odps://project/table/ds=${{ds}}"
            )
        if wrong is not None:
            found.append(f"predict.{name}: {wrong}")
    if not found and _table(predict.rows) == _table(predict.out):
        found.append("predict.out: it is the table that is scored; write into another")
    return found


def predict_places(predict: Predict, dates: Mapping[str, str]) -> tuple[DataPlace, DataPlace]:
    """The places of a run: the rows, and where the predictions go.

    Args:
        predict: of the experiment.
        dates: of the run, by their names.

    Raises:
        BadPlace: the dates make of it what is no place, or the run has no such date.
    """
    rows, out = (place_of(DataSet(place=text), dates) for text in (predict.rows, predict.out))
    return rows, out


def predict_texts(experiment: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """The places of an experiment's ``predict``, each with its field."""
    if experiment.predict is not None:
        for name in ("rows", "out"):
            yield ("predict", name), str(getattr(experiment.predict, name))


def _table(text: str) -> list[str]:
    """Project and table, in small letters; dates stand behind them."""
    return text.lower().removeprefix("odps://").removeprefix("/").replace("/tables/", "/", 1).split("/")[:2]
