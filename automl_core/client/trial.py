"""One trial as the server tells it, and what its model gets right and wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_core.client.errors import NotKnown
from automl_core.client.frames import frame

if TYPE_CHECKING:
    from automl_core.client.run import ExperimentRun


_OURS = "prediction "
"""Before the name of a class, which may be that of another column."""


class Trial(dict[str, Any]):
    """A trial: a dict as the API has it (docs/rest.md), with its model's details to be asked for."""

    def __init__(self, run: ExperimentRun, number: int, body: Mapping[str, Any]) -> None:
        super().__init__(body)
        self.run, self.number = run, number

    def details(self) -> dict[str, Any]:
        """How its predictions compare with the truth, without any row of data.

        Raises:
            NotKnown: its training task has left no predictions, or they can't be read; the message says so.
        """
        return self._object("details")

    def confusion(self) -> Any:
        """The confusion matrix as a pandas DataFrame: truth down, prediction across.

        Raises:
            NotKnown: there are no predictions, or no classes were predicted.
        """
        matrix = self._part("confusion")
        names = matrix["classes"]
        columns = dict(zip(names, zip(*matrix["counts"], strict=True), strict=True))
        made = frame(
            [{"truth": names, **{f"{_OURS}{name}": column for name, column in columns.items()}}], index="truth"
        )
        made.columns = [name.removeprefix(_OURS) for name in made.columns]
        return made.rename_axis(columns="prediction")

    def classes(self) -> Any:
        """Precision, recall, F1 and support of each class as a pandas DataFrame."""
        return frame([self._part("per_class")], index="class")

    def worst(self) -> Any:
        """The worst errors with their rows, as a pandas DataFrame; it needs the right to see rows of data."""
        body = self._object("details/rows")
        rows = [
            {**{name: value for name, value in row.items() if name != "values"}, **row["values"]}
            for group in body["groups"]
            for row in group["rows"]
        ]
        names = list(dict.fromkeys(name for row in rows for name in row))
        return frame([{name: [row.get(name) for row in rows] for name in names}])

    def fit(self) -> list[dict[str, Any]]:
        """Metrics that were reported for training and validation: the gap between them, and what it says."""
        return list(self.run.get(f"trials/{self.number}/curve")["fits"])

    def _part(self, name: str) -> dict[str, Any]:
        body = self.details()
        if name not in body:
            raise NotKnown(f"trial {self.number} has predicted numbers, not classes ({body['file']})")
        return dict(body[name])

    def _object(self, part: str) -> dict[str, Any]:
        body = self.run.get(f"trials/{self.number}/{part}")
        if body.get("problem"):
            raise NotKnown(f"trial {self.number}: {body['problem']}")
        if body["kind"] is None:
            raise NotKnown(
                f"trial {self.number} has no details: its training task leaves no predictions.parquet or "
                "predictions.csv in its model folder, or it has not ended"
            )
        return body
