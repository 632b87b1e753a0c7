"""A trial's combination as it is published: for people, and as the spec file with which they train it by hand.

Where the experiment has a spec file, ``recommendation_<n>.yaml`` is one, of trial n, with what is known of the trial in
comments; and one in the program's own format lies beside it. What belongs to an attempt alone (its folders, where it
went on from) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import yaml

from automl_core.results.names import FRONT, recommendation
from automl_core.spec.dates import run_dates
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.spec.spec_files import ENDINGS, SpecFile
from automl_core.specfiles import SpecFileError, Values, content, nested, rendered, written
from automl_core.specfiles.yaml_text import to_yaml
from automl_core.study.state import State, Trial


def recommendation_files(
    experiment: Experiment, state: State, trial: Trial, entry: Mapping[str, Any], plain: Callable[[Any], bytes]
) -> dict[str, bytes]:
    """How a trial's combination is published: ending of the file's name → content, ``.yaml`` always among them.

    Args:
        experiment: its file, with the run's overrides.
        state: folded from its journal.
        trial: which one.
        entry: what else is told of it (`automl_core.results.entries`).
        plain: writes YAML for people.
    """
    about, spec = _about(experiment, state, trial, entry), experiment.spec_file
    if spec is None:
        return {".yaml": plain(about | {"params": trial.params})}
    comment = "".join(f"# {line}\n" for line in yaml.safe_dump(about, sort_keys=False, allow_unicode=True).splitlines())
    values = _values(experiment, state, trial)
    body = nested(trial.params) if spec.format == "text" else content(spec, values)
    files = {".yaml": (comment + to_yaml(body)).encode()}
    if spec.format == "yaml":
        return files
    try:
        own = rendered(spec, values) if spec.format == "text" else written(spec, body)
    except SpecFileError:  # the trial said so, and did not begin
        return files
    return files | {_ending(spec): ((comment if spec.format in ("toml", "prototxt") else "") + own).encode()}


def name_of(trial: int, ending: str) -> str:
    """Name of one of these files, below the experiment's folder."""
    return recommendation(trial).removesuffix(".yaml") + ending


def _ending(spec: SpecFile) -> str:
    """How the file in the program's own format ends: of a text template as the template says."""
    return (PurePath(spec.file_name).suffix if spec.format == "text" else "") or ENDINGS[spec.format]


def _about(experiment: Experiment, state: State, trial: Trial, entry: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"experiment": state.name, "run": state.run, "trial": trial.number}
    budget = experiment.trials.budget
    if budget is not None:
        body["budget"] = {budget.name: _budget(experiment, state, trial)}
    body |= {name: entry[name] for name in ("values", "feasible", "front") if name in entry}
    if experiment.goal.several and entry["rank"] == 1:
        body["recommended"] = f"the best compromise, see {FRONT}" if entry["front"] else "the nearest to feasible"
    return body


def _budget(experiment: Experiment, state: State, trial: Trial) -> int | None:
    if experiment.trials.budget is None:
        return None
    return (state.counted(trial) or state.latest(trial)).budget


def _values(experiment: Experiment, state: State, trial: Trial) -> Values:
    budget = _budget(experiment, state, trial)
    groups: dict[str, dict[str, Any]] = {
        "data": {name: given if isinstance(given, str) else given.place for name, given in experiment.data.items()},
        "columns": dict(experiment.columns),
        "automl": {} if budget is None else {"budget": budget},
    }
    known: dict[str, Any] = {
        **dict.fromkeys(flatten(experiment.space)),  # those that this combination doesn't have
        **run_dates(state.identity), "experiment_id": state.name, "exp_id": state.name, "run_id": state.run,
        "trial_id": trial.number, "budget": budget,
        **{f"{group}.{name}": value for group in ("data", "columns") for name, value in groups[group].items()},
        **trial.params,
    }  # fmt: skip
    return Values(trial.params, groups, known.get, lambda name: _text(known.get(name)) if name in known else None)


def _text(value: Any) -> str:
    """As commands show it (`automl_core.backends.contract.value_text`)."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
