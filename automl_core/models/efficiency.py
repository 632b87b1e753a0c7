"""Efficiency, told: how long versions took from data to use, where the time went, how many there were each month.

Machine time and people's time are never added up without saying so: a night in which nobody reads an evidence is not
the platform's, and a minute in which it evaluates is not theirs.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from automl_core.models.life import Life, Version, VersionState, iterations_per_month, lead_time
from automl_core.models.life.history import Stage
from automl_core.models.life.words import seconds

TRAINING, FIRST_SCORE = "training", "to first score"
"""Stages before and after what the platform does between a result and its use."""

ROLLING = "rolling out"
"""A stage that models have which answer requests: step by step beside the champion."""


def efficiency(life: Life) -> dict[str, Any]:
    """Lead times and iterations as plain JSON.

    Args:
        life: the model's state.

    Returns:
        ``versions``: each with its ``stages`` (name, seconds, people), and in seconds ``training``, ``handling`` (from
        the result to use, without people), ``people``, ``total`` (from the beginning of the training to use; None while
        it isn't in use) and ``data_age`` (how old the newest training data were when the training began; None where
        nobody knows). ``months``: versions offered, decided on, put in use, and trainings asked for, empty months too.
        ``summary``: how many were in use, medians over these, and iterations a month.
    """
    versions = [_version(life, each) for each in life.versions.values()]
    asked = Counter(_month(each.time) for each in life.retrainings.values())
    counted = iterations_per_month(life)
    months = [
        {"month": each.month, "offered": each.offered, "decided": each.decided, "in_use": each.in_use,
         "retrainings": asked.get(each.month, 0)}
        for each in counted
    ]  # fmt: skip
    used = [each for each in versions if each["total"] is not None]
    summary = {
        "versions": len(versions), "used": len(used),
        **{f"{name}_median": _median(each[name] for each in used)
           for name in ("training", "handling", "people", "total", "data_age")},
        "offered_per_month": _mean([each.offered for each in counted]),
        "in_use_per_month": _mean([each.in_use for each in counted]),
    }  # fmt: skip
    return {"versions": versions, "months": months, "summary": summary}


def markdown_of(found: Mapping[str, Any], name: str = "") -> str:
    """The same as a readable page.

    Args:
        found: what `efficiency` has made.
        name: of the model.
    """
    summary = found["summary"]
    lines = [f"# Efficiency{f' of {name}' if name else ''}", ""]
    lines.append(
        f"{summary['used']} of {summary['versions']} versions came into use. Median from the beginning of the training "
        f"to use: {_told(summary['total_median'])}; of it training {_told(summary['training_median'])}, the platform "
        f"{_told(summary['handling_median'])}, waiting for people {_told(summary['people_median'])}."
    )
    names = list(dict.fromkeys(stage["name"] for each in found["versions"] for stage in each["stages"]))
    if found["versions"]:
        lines += ["", _row(["version", "state", *names, "in all"]), _row(["---"] * (len(names) + 3))]
    for each in found["versions"]:
        took = {stage["name"]: stage["seconds"] for stage in each["stages"]}
        lines.append(_row([str(each["version"]), each["state"], *(_told(took.get(stage)) for stage in names),
                           _told(each["total"])]))  # fmt: skip
    if found["months"]:
        lines += ["", _row(["month", "offered", "decided", "in use", "trainings asked for"]), _row(["---"] * 5)]
    for each in found["months"]:
        lines.append(
            _row([each["month"], *(str(each[key]) for key in ("offered", "decided", "in_use", "retrainings"))])
        )
    return "\n".join(lines) + "\n"


def _version(life: Life, version: Version) -> dict[str, Any]:
    stages = [each for each in lead_time(life, version.number) if life.rollouts or each.name != ROLLING]
    used = next((each.time for each in version.moves if each.state is VersionState.IN_USE), None)
    began = version.source.started or version.source.published or version.offered_at
    between = [each for each in stages if each.name not in (TRAINING, FIRST_SCORE)]
    return {
        "version": version.number, "state": str(version.state), "experiment": version.source.experiment,
        "stages": [{"name": each.name, "seconds": each.seconds, "people": each.people} for each in stages],
        "training": next((each.seconds for each in stages if each.name == TRAINING), None),
        "handling": _sum(each for each in between if not each.people),
        "people": _sum(each for each in between if each.people),
        "total": used - began if used is not None else None,
        "data_age": _age(version),
    }  # fmt: skip


def _age(version: Version) -> float | None:
    moments = [
        float(each["modified"]) for each in version.source.fingerprints.values()
        if isinstance(each, Mapping) and isinstance(each.get("modified"), int | float)
    ]  # fmt: skip
    if not moments or not version.source.started:
        return None
    return max(0.0, version.source.started - max(moments))


def _sum(stages: Iterable[Stage]) -> float | None:
    known = [each.seconds for each in stages if each.seconds is not None]
    return sum(known) if known else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return statistics.median(known) if known else None


def _mean(values: Sequence[int]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _month(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m")


def _told(value: float | None) -> str:
    return "–" if value is None else seconds(round(value))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
