"""Names of metrics as they are printed: with the prefix that tells one from another, and which of them a goal means.

``valid's auc: 0.63  train's auc: 0.84``, ``train loss: 0.5, val loss: 0.6`` and ``Train: loss=0.5 | Val: loss=0.6``
have two metrics each. A goal may still say ``auc`` where one name alone ends so; where two do, nobody can know which
one is meant, and the trial fails with both names rather than taking either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from automl_core.metrics.errors import AmbiguousMetric
from automl_core.metrics.points import News, Point, Retraction

_SPLIT = "training|train|validation|valid|val|testing|test|evaluation|eval|dev|holdout|cv"
_KIND = (
    f"{_SPLIT}|best|final|last|mean|average|avg|running|smoothed|ema|moving|total|max|min|median|std|initial|previous|"
    "overall|macro|micro|weighted"
)

OWNER = rf"(?:[^\W\d][\w./@%+-]*+'s[ ](?:[^\W\d][\w-]*+[ ])?|(?:(?i:{_KIND})[ ]){{1,3}})"
"""What may stand before a name and belongs to it: ``valid_0's``, ``cv_agg's valid``, ``best val``."""

_SECTION = re.compile(
    rf"(?<![\w./\\'-])(?P<name>(?i:{_SPLIT}))(?:[ ](?i:set|split|data|results?|metrics|phase|loop))?"
    r"(?:[ ](?i:epoch|step|iter\w{0,8})\b|[ ]?(?:[:\])|>]|-{1,2}>|=>|-(?=[ ]))(?![ \t]*[-+.\d]))"
)
_HAS_SPLIT = re.compile(rf"(?i)(?:^|[^a-z])(?:{_SPLIT})(?:[^a-z]|$)")


class Sections:
    """Where a line says that what follows is of the training, or of the validation: ``Train: loss=0.5 | Val: …``."""

    def __init__(self, text: str) -> None:
        self._starts = [(match.end(), match["name"]) for match in _SECTION.finditer(text)]

    def __bool__(self) -> bool:
        return bool(self._starts)

    def name(self, place: int, name: str) -> str:
        """The name of a metric that stands at a place of the line, with the section that it stands in."""
        before = [section for start, section in self._starts if start <= place]
        return name if not before or _HAS_SPLIT.search(name) else f"{before[-1]} {name}"


def fits(goal: str, name: str) -> bool:
    """Whether a reported name is a goal's, or is it with a prefix: ``auc`` and ``valid's auc``, not ``val_auc``."""
    return name == goal or name.endswith(f" {goal}")


class GoalNames:
    """Gives a goal's metrics their values where they are reported under one longer name."""

    def __init__(self, wanted: Iterable[str]) -> None:
        """Begin.

        Args:
            wanted: the goal's metrics.
        """
        self._wanted = tuple(wanted)
        self._fitting: dict[str, list[str]] = {name: [] for name in self._wanted}

    def apply(self, news: Iterable[News]) -> list[News]:
        """The same news, each value that one name alone gives to a goal's metric under that metric's name too."""
        return [each for one in news for each in (self._with_goals(one) if isinstance(one, Point) else [one])]

    def check(self) -> None:
        """Fail where a goal's metric fits two names.

        Raises:
            AmbiguousMetric: it does; names them.
        """
        for wanted, names in self._fitting.items():
            if len(names) > 1 and wanted not in names:
                raise AmbiguousMetric(wanted, names)

    def _with_goals(self, point: Point) -> list[News]:
        found: dict[str, float] = {}
        before: list[News] = []
        for wanted in self._wanted:
            names = self._fitting[wanted]
            for name in point.values:
                if fits(wanted, name) and name not in names and len(names) < 100:
                    names.append(name)
                    if len(names) > 1 and names[0] != wanted:  # what stood for it is another's, or nobody knows whose
                        before.append(Retraction(frozenset({wanted})))
            if len(names) == 1 and names[0] != wanted and names[0] in point.values:
                found[wanted] = point.values[names[0]]
        values: Mapping[str, float] = {**point.values, **found}
        return [*before, Point(point.step, values, point.axis)] if found else [*before, point]
