"""What is worth knowing of a valid experiment file: no problem, and yet not what one may think."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.metrics.guarded import LIMIT
from automl_core.metrics.patterns import Pattern
from automl_core.spec.errors import Problem, show
from automl_core.spec.loader import locate, parse_document
from automl_core.spec.metrics import StdoutMetrics
from automl_core.spec.models import Experiment


def notes_on(text: str, source: str) -> list[Problem]:
    """Notes on the text of a valid experiment file, each with its line.

    Args:
        text: YAML.
        source: what to call it.

    Raises:
        SpecError: the file is not valid.
    """
    experiment, document = parse_document(text, source)
    return sorted(locate(list(_guarded(experiment)), document), key=lambda note: note.line or 0)


def _guarded(experiment: Experiment) -> Iterator[Problem]:
    for index, task in enumerate(experiment.tasks):
        metrics = getattr(task, "metrics", None)
        for name, text in metrics.patterns.items() if isinstance(metrics, StdoutMetrics) else ():
            why = Pattern(text).why_guarded
            if why:
                yield Problem(
                    f"a note: it is matched in a process of its own ({why}), where a search may take {LIMIT:g} s; "
                    "without that, each line is matched at once and in linear time",
                    ("tasks", index, "metrics", "patterns", name),
                    found=show(text),
                )
