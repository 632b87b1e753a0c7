"""The trigger form of an experiment's DAG, and the run's conf that comes out of it.

The form offers the usual fields by short names; a REST call may use these or the file's own groups
(``{"trials": {"max": 5}, "search": {...}}``). Both come together in `overrides_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_core.spec.reason import REASON, TRANSFER

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment

FIELDS: dict[str, tuple[str, ...]] = {
    "max_trials": ("trials", "max"),
    "concurrency": ("trials", "concurrency"),
    "retries": ("trials", "retries"),
    "algorithm": ("search", "algorithm"),
    "seed": ("search", "seed"),
    "target": ("stop", "target"),
    "max_duration": ("stop", "max_duration"),
    "running_trials": ("stop", "running_trials"),
}
"""Short names of the form and where they stand in the file."""

GROUPS = ("search", "space", "goal", "trials", "stop")
"""Groups of the file that a run may override."""

SCHEMA: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#"}
"""Part of each parameter's schema: which draft it is of.

Airflow holds a schema against the draft's own each time it looks at a value, of all parameters whenever a DAG is
written down or read. Where none is named that is the latest, which takes jsonschema two and a half times as long.
"""


def current(experiment: Experiment, path: tuple[str, ...]) -> Any:
    """The file's value of a field."""
    group, field = path
    return getattr(getattr(experiment, group), field)


def build_params(experiment: Experiment, algorithms: list[str]) -> dict[str, Any]:
    """The form's fields with their widgets (Airflow Params with JSON Schema)."""
    from airflow.sdk import Param

    number = {"type": ["null", "number"]}
    schemas: dict[str, dict[str, Any]] = {
        "max_trials": {"type": "integer", "minimum": 1, "title": "Trials at most"},
        "concurrency": {
            "type": "integer", "minimum": 1, "maximum": experiment.trials.concurrency,
            "title": "Trials at the same time",
            "description": "May be lowered for a run; raise it in the experiment file.",
        },
        "retries": {"type": "integer", "minimum": 0, "title": "New attempts at a failed trial"},
        "algorithm": {"type": "string", "enum": algorithms, "title": "Search algorithm"},
        "seed": {"type": "integer", "minimum": 0, "title": "Seed"},
        "target": {**number, "title": f"Stop at this value of {experiment.goal.label}"},
        "max_duration": {**number, "minimum": 0, "title": "Stop after (seconds)"},
        "running_trials": {"type": "string", "enum": ["drain", "cancel"], "title": "Running trials at an early end"},
    }  # fmt: skip
    params = {
        name: Param(current(experiment, path), section="Experiment", **schemas[name], **SCHEMA)
        for name, path in FIELDS.items()
        if name != "target" or not experiment.goal.several  # one value can't say that several are good enough
    }
    params[REASON] = Param(
        None, type=["null", "string", "object"], section="This run", title="Why it is started",
        description="A line for people: it stands in the run's result.", **SCHEMA,
    )  # fmt: skip
    params[TRANSFER] = Param(
        False, type="boolean", section="This run", title="Learn from the latest runs",
        description="As the file's search.transfer says, or as its defaults do where the file has none.", **SCHEMA,
    )  # fmt: skip
    for group in GROUPS:
        params[group] = Param(
            None, type=["null", "object"], section="More fields, as in the experiment file", title=group,
            description=f"Fields of `{group}:` that this run changes."
            + (f" The file's goal: {experiment.goal.summary}." if group == "goal" else ""),
            **SCHEMA,
        )  # fmt: skip
    return params


def overrides_of(experiment: Experiment, conf: Mapping[str, Any]) -> dict[str, Any]:
    """The groups that a run's conf changes: short names brought to their places, what equals the file left out.

    Why it is started changes nothing (`automl_core.spec.reason`).
    """
    groups: dict[str, Any] = {}
    for name, value in conf.items():
        if name in FIELDS:
            group, field = FIELDS[name]
            if value != current(experiment, FIELDS[name]):
                groups.setdefault(group, {}).setdefault(field, value)
    for name, value in conf.items():
        if name in FIELDS or name == REASON or (name in GROUPS and value is None):
            continue
        if name == TRANSFER and isinstance(value, bool | None):
            if value and experiment.search.transfer is None:
                search = groups.setdefault("search", {})
                search.setdefault("transfer", {})
            continue
        if name in GROUPS and isinstance(value, Mapping):
            groups[name] = {**groups.get(name, {}), **value}
        else:
            groups[name] = value  # apply_overrides says what is allowed instead
    return groups
