"""Whether a retraining is to be asked for, why, and what the run that comes of it is called and told.

Whether it may be asked for *now* is the brake's business, which is in the model's journal (`ModelLife.ask_retraining`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from automl_core.models.watching.judging import WORSE
from automl_core.models.watching.series import in_a_row
from automl_core.spec.reason import REASON, TRANSFER
from automl_core.spec.units import format_duration

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.file.watch import When
    from automl_core.models.life import Life, Retraining
    from automl_core.models.watching.looks import Look


@dataclass(frozen=True, slots=True)
class Wish:
    """A retraining that the file asks for.

    Attributes:
        experiment: that trains the model anew.
        reason: why, plain JSON, with its words under ``text``.
        at_most, within: the brake: no more than so many in so many seconds.
    """

    experiment: str
    reason: Mapping[str, Any]
    at_most: int
    within: float


def wish_of(
    file: ModelFile, life: Life, look: Look | None, now: float, looks: Sequence[Look] = ()
) -> Wish | None:  # fmt: skip
    """What a look and the time ask for; None where they ask for nothing.

    A loss that was measured comes before one that was estimated, that before drift, and the time comes last: who reads
    the reason should know of the weightiest.

    Args:
        file: the model's.
        life: its state.
        look: that of this run; None where it found nothing out.
        now: seconds since 1970.
        looks: it and those before it, the newest first.
    """
    retrain = file.watch.retrain if file.watch is not None else None
    experiment = file.retrained
    if retrain is None or experiment is None or life.champion is None:
        return None
    reason: dict[str, Any] = {"model": file.name, "version": life.champion}
    if retrain.when is not None and look is not None and look.version == life.champion:
        found = _found(retrain.when, look, looks)
        if found is not None:
            return Wish(experiment, reason | found | {"look": look.key}, retrain.at_most, retrain.in_)
    if retrain.every is not None:
        last = last_training(life, experiment)
        if last is not None and now - last >= retrain.every:
            text = f"every {_period(retrain.every)}: the last training began at {_moment(last)}"
            reason |= {"kind": "schedule", "text": text, "since": round(last, 3)}
            return Wish(experiment, reason, retrain.at_most, retrain.in_)
    return None


def _found(when: When, look: Look, looks: Sequence[Look]) -> dict[str, Any] | None:
    """The reason that a look gives, None where it gives none."""
    if when.worse_by is not None and look.state == WORSE:
        return {"kind": "loss", "text": look.why, "metric": look.metric}
    if when.estimated and look.estimate.get("worse"):
        return {
            "kind": "estimated_loss", "text": str(look.estimate["words"]), "metric": str(look.estimate["metric"])
        }  # fmt: skip
    if not when.drift or look.drift.get("state") != "drifted":
        return None
    count = in_a_row(looks or (look,), look.version)
    if count < when.drift:
        return None
    again = "" if when.drift == 1 else f"{count} looks in a row: "
    return {
        "kind": "drift", "text": again + "; ".join(look.drift["words"]), "columns": list(look.drift["drifted"])
    }  # fmt: skip


def last_training(life: Life, experiment: str) -> float | None:
    """When an experiment was last trained for a model, as far as its journal knows; None where it never was.

    Whatever became of it counts: one that was rejected yesterday is no reason to train again today.

    Args:
        life: the model's state.
        experiment: its name.
    """
    versions = [
        each.source.started or each.source.published or each.offered_at
        for each in life.versions.values() if each.source.experiment == experiment
    ]  # fmt: skip
    asked = [each.time for each in life.retrainings.values() if each.experiment == experiment]
    return max([*versions, *asked], default=None)


def run_of(model: str, number: int) -> str:
    """The id of the run that comes of a retraining: an id makes it one run, whoever starts it.

    The model's name is in it, since several models may be trained by one experiment.

    Args:
        model: its name.
        number: of the retraining.
    """
    return f"retrain_{model}_{number}"


def conf_of(model: str, retraining: Retraining) -> dict[str, Any]:
    """The conf of that run: why, and that it learns from the runs before it.

    Args:
        model: its name.
        retraining: as recorded.
    """
    text = str(retraining.reason.get("text") or f"asked for by {retraining.by}")
    return {REASON: {**retraining.reason, "text": text, "model": model, "retraining": retraining.id}, TRANSFER: True}


def _period(seconds: float) -> str:
    return format_duration(seconds).removesuffix(" 00h")


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
