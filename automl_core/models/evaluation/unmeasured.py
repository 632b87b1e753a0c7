"""Evidence where no row has a label yet: it says so, and that nothing can be told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from automl_core.forecasting.metrics import MetricError as NoSuchMetric
from automl_core.forecasting.metrics import find as find_of_series
from automl_core.models.evaluation.document import evidence_of
from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated
from automl_core.models.evaluation.prepared import kind_of
from automl_core.models.evaluation.subjects import opened
from automl_core.models.evaluation.verdict import conditions
from automl_core.tabular.metrics import MetricError, find


def unmeasured(
    challenger: str | Path, options: EvaluateOptions, rows: int, notes: Sequence[str] = (), *,
    why: str = "no row has a label yet",
) -> dict[str, Any]:  # fmt: skip
    """Evidence on a model that nothing could be measured of. A person may accept it, conditions never do.

    The first version of a model that is judged by its own answers has none yet.

    Args:
        challenger: folder of the model.
        options: as for `evaluate`.
        rows: of the data; none of them has a label that a model knows.
        notes: what is to be said.
        why: nothing can be measured.

    Raises:
        NotEvaluated: the model can't be opened, or nobody says what it predicts.
    """
    subject = opened(challenger, "challenger", options)
    kind = kind_of([subject], options)
    classes = tuple(getattr(subject, "classes", ()) or ())
    asked = options.metric or (subject.metric if subject.metric and ":" not in subject.metric else None)
    metric: Any
    try:
        metric = find_of_series(asked) if kind == "forecasting" else find(asked, kind, classes=classes)
    except NoSuchMetric as error:
        raise NotEvaluated(f"metric: {error}") from None
    except MetricError:  # what the model was chosen by is a function that isn't here
        metric = find(None, kind, classes=classes)
    evidence = evidence_of(
        version=options.version,
        champion=options.champion,
        problem={"kind": kind, "target": options.target or subject.target, "classes": classes},
        data={
            "place": options.place, "fingerprint": dict(options.fingerprint), "rows": rows, "scored": 0,
            "least_rows": options.least_rows, "key": options.key, "keys": 0, "clustered": False, "left_out": [],
            "seen": {"challenger": {"share": None, "rows": None, "how": "unknown", "note": ""}, "champion": None},
        },
        metric={"name": metric.name, "direction": metric.direction},
        values={"challenger": None, "champion": None},
        difference=None,
        metrics={},
        notes=[why, *notes],
    )  # fmt: skip
    evidence["verdict"] = conditions(evidence, options)
    return evidence
