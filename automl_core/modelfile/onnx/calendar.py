"""Parts of times, in float64 with floors: `scoring.features.dates` without a calendar at hand.

Days since 1970 become year, month and day of the Gregorian calendar by counting from 1 March of the year 0, so that a
leap day is the last of its year (Fliegel and van Flandern, CACM 11 (1968), p. 657, have the idea).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from automl_core.modelfile.onnx.graph import Graph
from automl_core.modelfile.scoring.features.dates import DAY, YEAR

MONDAY = 4 * DAY
"""Of 5 January 1970."""

TO_MARCH = 719_468.0
"""Days from 1 March of the year 0 to 1 January 1970."""


class Calendar:
    """One column of times."""

    def __init__(self, graph: Graph, seconds: str) -> None:
        """Make it.

        Args:
            graph: gets the nodes.
            seconds: (n, 1) since 1970, UTC; NaN for what is missing, which stays so.
        """
        self.graph, self.seconds = graph, seconds
        self.parts: dict[str, Callable[[], str]] = {
            "days": lambda: self._over(seconds, DAY), "year": lambda: self._date()[0],
            "month": lambda: self._date()[1], "day": lambda: self._date()[2],
            "weekday": lambda: self._floor(self._over(self._rest(self._less(seconds, MONDAY), 7 * DAY), DAY)),
            "hour": lambda: self._floor(self._over(self._rest(seconds, DAY), 3600.0)),
            "minute": lambda: self._floor(self._over(self._rest(seconds, 3600.0), 60.0)),
            "year sin": lambda: self._wave("Sin", self._in_year(), YEAR),
            "year cos": lambda: self._wave("Cos", self._in_year(), YEAR),
            "week sin": lambda: self._wave("Sin", self._rest(self._less(seconds, MONDAY), 7 * DAY), 7 * DAY),
            "week cos": lambda: self._wave("Cos", self._rest(self._less(seconds, MONDAY), 7 * DAY), 7 * DAY),
            "day sin": lambda: self._wave("Sin", self._rest(seconds, DAY), DAY),
            "day cos": lambda: self._wave("Cos", self._rest(seconds, DAY), DAY),
        }  # fmt: skip
        """Name of a part, as in `scoring.features.dates.PARTS` → (n, 1)."""

    def _of(self, kind: str, values: str, number: float) -> str:
        return str(self.graph.add(kind, values, self.graph.constant(number)))

    def _less(self, values: str, number: float) -> str:
        return self._of("Sub", values, number)

    def _over(self, values: str, number: float) -> str:
        return self._of("Div", values, number)

    def _times(self, values: str, number: float) -> str:
        return self._of("Mul", values, number)

    def _floor(self, values: str) -> str:
        return str(self.graph.add("Floor", values))

    def _whole(self, values: str, number: float) -> str:
        """How often a number goes into values."""
        return self._floor(self._over(values, number))

    def _rest(self, values: str, number: float) -> str:
        """What is left then, never negative."""
        return str(self.graph.add("Sub", values, self._times(self._whole(values, number), number)))

    def _wave(self, kind: str, values: str, period: float) -> str:
        return str(self.graph.add(kind, self._over(self._times(values, 2 * np.pi), period)))

    def _sum(self, *values: str) -> str:
        total = values[0]
        for each in values[1:]:
            total = self.graph.add("Add", total, each)
        return total

    def _date(self) -> tuple[str, str, str]:
        """Year, month, day."""
        graph, days = self.graph, self._of("Add", self._whole(self.seconds, DAY), TO_MARCH)
        era = self._whole(days, 146_097.0)
        within = graph.add("Sub", days, self._times(era, 146_097.0))
        # leap days before this one: one in four years, none in a hundred, one in four hundred
        leaps = self._sum(
            self._times(self._whole(within, 1_460.0), -1.0), self._whole(within, 36_524.0),
            self._times(self._whole(within, 146_096.0), -1.0),
        )  # fmt: skip
        year = self._whole(self._sum(within, leaps), 365.0)
        passed = self._sum(
            self._times(year, -365.0), self._times(self._whole(year, 4.0), -1.0), self._whole(year, 100.0)
        )
        day_of_year = self._sum(within, passed)
        march = self._whole(self._of("Add", self._times(day_of_year, 5.0), 2.0), 153.0)  # months since March
        before = self._whole(self._of("Add", self._times(march, 153.0), 2.0), 5.0)
        day = self._of("Add", graph.add("Sub", day_of_year, before), 1.0)
        next_year = graph.add("Cast", graph.add("GreaterOrEqual", march, graph.constant(10.0)), to=11)
        month = graph.add("Sub", self._of("Add", march, 3.0), self._times(next_year, 12.0))
        return self._sum(year, self._times(era, 400.0), next_year), month, day

    def _in_year(self) -> str:
        """Whole seconds since the year began."""
        year = self._date()[0]
        leaps = self._sum(
            self._whole(self._less(year, 1969.0), 4.0), self._times(self._whole(self._less(year, 1901.0), 100.0), -1.0),
            self._whole(self._less(year, 1601.0), 400.0),
        )  # fmt: skip
        begun = self._times(self._sum(self._times(self._less(year, 1970.0), 365.0), leaps), DAY)
        return str(self.graph.add("Sub", self._floor(self.seconds), begun))
