"""What is published and recorded of other attempts and trials: their metrics files, their curves."""

from __future__ import annotations

import json
import logging
from functools import lru_cache

from automl_core.metrics.points import Step
from automl_core.metrics.series import Series
from automl_core.stopping.base import TrialCurve
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import METRICS_FILE, trial_prefix
from automl_core.study.state import unpack_curve

log = logging.getLogger(__name__)


def read_published(store: ObjectStore, prefix: str, trial: int) -> tuple[int, int, Series] | None:
    """Training task, slot and metrics in a trial's file, None where there is none that can be read.

    Args:
        store: where it lies.
        prefix: the experiment's folder.
        trial: its number.

    Raises:
        StorageError: the store refuses or is away.
    """
    key = prefix + trial_prefix(trial) + METRICS_FILE
    try:
        body = json.loads(store.get(key))
        return int(body["task"]), int(body["slot"]), Series.from_json(body["points"])
    except NotFound:
        return None
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s is unreadable and left out: %s", key, error)
        return None


@lru_cache(maxsize=4096)
def recorded_curve(number: int, texts: tuple[str, ...], sign: float, ended: bool) -> TrialCurve:
    """The curve of a trial that is not running, from its works' records, lowest budget first.

    Args:
        number: the trial's.
        texts: its works' curves (see `pack_curve`).
        sign: what a value is multiplied with to be a loss.
        ended: whether the trial has.
    """
    merged: dict[Step, float] = {}
    for text in texts:
        merged.update(unpack_curve(text))
    return TrialCurve(number, tuple((step, sign * value) for step, value in sorted(merged.items())), ended)
