"""The first record of an experiment: the file as it is run, and what was known before any result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from automl_core.extras import needed_by
from automl_core.space.counts import with_counts
from automl_core.spec.models import Experiment
from automl_core.study.environment import environment
from automl_core.study.sources import EarlierRun
from automl_core.study.specified import Specified

DATA = "data"
"""Kind of `State.inputs` that has the fingerprints of data sets: trainings of a stage compare with them too."""

LANE_THRESHOLD = 1000
"""More slots than this are run in lanes: one mapped task instance runs trial after trial."""

PROPOSED = 500
"""Combinations known before the start that are written down at most. The algorithm makes the same ones when it is
asked; all hundred thousand of a random search would stand in each snapshot until their trials have begun."""

MAPPED_AT_MOST = "mapped_at_most"
"""Key of the plan in the first record: that limit, where the run's Airflow has a lower one."""


def as_found(experiment: Experiment, inputs: Mapping[str, Any] | None) -> Experiment:
    """An experiment with what is known of its data, in bounds that ask for it.

    Raises:
        SpecError: what a bound asks for is not known, or leaves no room.
    """
    return with_counts(experiment, (inputs or {}).get(DATA, {}))


def first_record(
    study: Specified, run: str, overrides: list[dict[str, Any]], identity: Mapping[str, Any],
    earlier: Sequence[EarlierRun], mapped_at_most: int = LANE_THRESHOLD, inputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the first record tells, as plain JSON.

    Args:
        study: with the experiment as it is to be run.
        run: the run's id, for people.
        overrides: what the run's conf changed.
        identity: what tells this run from another of the same id.
        earlier: runs that the search is to learn from.
        mapped_at_most: slots that whoever runs them can start one by one.
        inputs: what the run works on, as it was found, by kind (`State.inputs`).
    """
    experiment, plan, most = study.experiment, study.algorithm.plan(), min(LANE_THRESHOLD, mapped_at_most)
    with needed_by(f"the search algorithm {study.algorithm.name}"):
        proposals = study.algorithm.propose(min(plan.slots, PROPOSED))
    data: dict[str, Any] = {
        "experiment": experiment.model_dump(mode="json"),  # defaults too: they may change
        "name": experiment.name,
        "run": run,
        "identity": dict(identity),
        "environment": environment(),
        "overrides": overrides,
        "algorithm": study.algorithm.name,
        "plan": {"slots": plan.slots, "trials": plan.trials, "units": plan.units, "note": plan.note},
        "proposals": [proposal.params for proposal in proposals if proposal.budget is None],
        "lanes": min(experiment.trials.concurrency, plan.slots, most) if plan.slots > most else None,
    }
    if most < LANE_THRESHOLD:
        data["plan"][MAPPED_AT_MOST] = most
    if inputs:
        data["inputs"] = dict(inputs)
    if earlier:
        data["earlier"] = msgspec.to_builtins(list(earlier))
    return data
