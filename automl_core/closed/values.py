"""What ``${…}`` of an experiment may stand for, where that is known before it runs."""

from __future__ import annotations

from itertools import islice, product

from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.spec.placeholders import PLACEHOLDER, placeholders

MOST_NAMES = 256
"""Images that one name with ``${…}`` may stand for, all looked at."""

MOST_IN_ALL = 2048
"""The same of all names of a file: who may look may have a file checked, in a process that everybody shares."""


class Values:
    """What ``${…}`` of an experiment may stand for, where that is known beforehand."""

    def __init__(self, experiment: Experiment) -> None:
        self._known: dict[str, list[str]] = {}
        self._made = 0
        for name, parameter in flatten(experiment.space).items():
            options = getattr(parameter, "values", None)
            given = [parameter.value] if parameter.type == "fixed" else options if parameter.type == "choice" else None
            if given is not None:
                self._known[name] = [str(each) for each in given]

    def of(self, text: str) -> list[str]:
        """Every text that one with ``${…}`` may become, empty where that is not known."""
        names = list(dict.fromkeys(name for name, _ in placeholders(text)))
        if not names or any(name not in self._known for name in names):
            return []
        made = []
        for chosen in islice(product(*(self._known[name] for name in names)), MOST_NAMES + 1):
            values = dict(zip(names, chosen, strict=True))
            made.append(PLACEHOLDER.sub(lambda found, v=values: v.get(found[1] or "", found[0]), text))  # type: ignore[misc]
        self._made += len(made)
        return made if len(made) <= MOST_NAMES and self._made <= MOST_IN_ALL else []
