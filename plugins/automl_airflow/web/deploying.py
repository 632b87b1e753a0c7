"""From a result to a model's file: what to write first, for a person to look through and save."""

from __future__ import annotations

import json

from automl_core.models.file import ModelFile
from automl_core.models.file.rolling import served_line
from automl_core.models.file.values import Data, data_set_of
from automl_core.spec.datasets import DataSet
from automl_core.spec.models import Experiment

_LABELLED = ("latest", "test", "validation", "valid", "eval", "train")
"""Names of data sets that are likely to have labels, the best to evaluate on first."""

_DATE = "${ds}"


def draft(experiment: Experiment) -> str:
    """The text of a model's file for the results of an experiment: what is known of it, and notes on what is not.

    Args:
        experiment: as its file or its journal has it.
    """
    data, target = _latest(experiment), _target(experiment)
    lines = [
        "kind: model",
        f"name: {_text(experiment.name)}",
        *([f"description: {_text(experiment.description)}"] if experiment.description else []),
        f"output: {{storage: {_text(experiment.output.storage)}{_connection(experiment.output.connection)}}}",
        "candidates:",
        f"  experiments: [{_text(experiment.name)}]  # its results are offered",
        "evaluate:",
        *_evaluated_on(data),
        *([f"  target: {_text(target)}"] if target else ["  # target: label  # column with what came true"]),
        "  # key: customer_id     # column that names a row, so that a bad case is found again",
        "  # slices: [country]    # columns whose values are looked at one by one",
        *(() if _ours(experiment) else _PROGRAM),
        "accept:",
        "  when: better           # or not_worse, passes; else nobody is asked",
        "  by: anybody            # or a list of names, and of role:NAME",
        "  within: 3d             # nobody's silence accepts",
        *_deployed(experiment, data),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


_PROGRAM = (
    "  # scores what this product has not trained (docs/models.md):",
    '  # program: {command: [python, "${file_dir}/score.py", "${rows}", "${model_dir}", "${predictions}"]}',
)


def _ours(experiment: Experiment) -> bool:
    """Whether a template of this product trains it, whose models are scored without a program."""
    return experiment.template is not None


def _text(value: str) -> str:
    """A text as YAML reads it back: JSON's quotes are YAML's too."""
    return json.dumps(value, ensure_ascii=False)


def _connection(name: str | None) -> str:
    return f", connection: {_text(name)}" if name else ""


def _latest(experiment: Experiment) -> DataSet | None:
    """The data set of an experiment that a version is evaluated on, until somebody names a later one."""
    sets = experiment.data
    name = next((each for each in _LABELLED if each in sets), next(iter(sets), None))
    found = sets[name] if name is not None else None
    return DataSet(place=found) if isinstance(found, str) else found


def _target(experiment: Experiment) -> str | None:
    found = experiment.columns.get("target")
    return found if isinstance(found, str) else None


def _evaluated_on(data: DataSet | None) -> list[str]:
    if data is None:
        return ["  data:                  # the place of the latest data with labels"]
    note = "" if _DATE in data.place else "  # the latest data with labels"
    if data.connection is None and data.format is None:
        return [f"  data: {_text(data.place)}{note}"]
    form = f", format: {_text(data.format)}" if data.format else ""
    return [f"  data: {{place: {_text(data.place)}{_connection(data.connection)}{form}}}{note}"]


def _deployed(experiment: Experiment, data: DataSet | None) -> list[str]:
    """The group for scoring: as it is where the place of each day's data is known, else to be filled in."""
    out = f"{experiment.output.storage.rstrip('/')}/_scores/{experiment.name}/ds={_DATE}/"
    dated = data is not None and _DATE in data.place
    place = data.place if data is not None and dated else "s3://lake/new/ds=${ds}/"
    group = [
        "deploy:",
        "  to: batch",
        f"  data: {_text(place)}",
        f"  out: {_text(out)}",
        '  schedule: "@daily"',
    ]
    if dated:
        return group
    return ["# Take the marks away, and each day's data are scored:",
            *(f"# {line}" for line in group)]  # fmt: skip


def told(file: ModelFile) -> list[str]:
    """What a model's file will do, in sentences, for who writes it."""
    from automl_core.spec.units import format_duration

    experiments = ", ".join(each.experiment for each in file.sources)
    on = "the answers that outcomes have come for" if file.evaluate.by_feedback else _place(file.evaluate.data)
    conditions = {
        "better": "is better than the version in use", "not_worse": "is not worse than the version in use",
        "passes": "passes the regression tests",
    }[file.accept.when]  # fmt: skip
    people = ", ".join(file.accept.people) or "whoever may answer in Airflow"
    asked = (
        f"A version that {conditions} is accepted by itself."
        if file.accept.by_itself
        else f"Where a version {conditions}, {people} may accept it within {format_duration(file.accept.within)}."
    )
    lines = [f"Each result that {experiments} publishes becomes a version, and is evaluated on {on}.", asked]
    if file.batch is not None:
        place, out = data_set_of(file.batch.data).place, data_set_of(file.batch.out).place
        when = f"by {file.batch.cron}" if file.batch.cron else "when asked"
        lines.append(f"The version in use scores {place} {when}, and writes {out}.")
    elif file.served is not None:
        lines.append(f"The version in use answers {served_line(file.served)}.")
    else:
        lines.append("It is not used for anything by itself: the file has no deploy.")
    if file.watch is not None:
        again = f", and asks {file.retrained} for a training" if file.retrained else ""
        lines.append(f"The version in use is watched{again}.")
    return lines


def _place(data: str | Data) -> str:
    return data_set_of(data).place
