"""What is valid in an experiment file, but most likely does something else than was meant; and what is worth knowing.

Pure reading: a few looks at the file system and nothing imported that costs, for DAG files are parsed all day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from automl_core.preview.data import data_warnings
from automl_core.preview.environment import environment_notes, environment_warnings
from automl_core.preview.programs import program_warnings, readable_scripts
from automl_core.search.auto import Auto, choose
from automl_core.space import Space
from automl_core.spec.bundles import bundle_of
from automl_core.spec.constants import constants_in
from automl_core.spec.datanames import input_names
from automl_core.spec.dates import named_dates
from automl_core.spec.errors import Path as Place
from automl_core.spec.errors import Problem, show
from automl_core.spec.maxcompute import MaxComputeTask, SelectMetrics
from automl_core.spec.metrics import StdoutMetrics
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.spec.placeholders import names_for, placeholders, texts_of
from automl_core.spec.sizes import TASK_LISTS
from automl_core.spec.spec_files import SPEC_FILE, named_in
from automl_core.spec.stages import task_places
from automl_core.spec.units import format_duration
from automl_core.study.history import context_of

PARAMS = "AUTOML_PARAMS"
"""The environment variable that has a trial's whole combination."""

AUTO, BAYESIAN = Auto.name, "bayesian"

_LOWER = frozenset({
    "loss", "error", "err", "rmse", "mae", "mse", "mape", "logloss", "nll", "perplexity", "wer", "cer", "latency",
    "regret", "deviance", "brier",
})  # fmt: skip
_HIGHER = frozenset({
    "acc", "accuracy", "auc", "auroc", "f1", "precision", "recall", "r2", "iou", "bleu", "rouge", "ndcg", "mrr", "map",
    "dice",
})  # fmt: skip
_NEGATED = frozenset({"neg", "negative", "minus", "inv", "inverse", "one"})


def warnings_of(experiment: Experiment, home: Path, file: Path | None = None) -> list[Problem]:
    """Everything that may be a slip, without file and line (see `automl_core.spec.loader.locate`).

    Args:
        experiment: a valid one.
        home: the folder to which a task's ``cwd`` is relative.
        file: where the experiment file lies, where that is known: what lies beside it is a likely mistake.
    """
    braces = list(_braces(experiment))
    found = [
        *_storage(experiment.output.storage),
        *_goal(experiment),
        *_turned(experiment),
        *_sources(experiment),
        *_limits(experiment),
        *_beliefs(experiment),
        *_dates(experiment),
        *data_warnings(experiment, home, bundle_of(file) if file is not None else None),
        *(problem for _, problem in braces),
        *program_warnings(experiment, home, file),
        *environment_warnings(experiment, file),
        *_unused(experiment, home, file, {name for name, _ in braces}),
    ]
    return [replace(each, severity="warning") for each in found]


def notes_of(experiment: Experiment) -> list[Problem]:
    """What is no slip, and yet not what one may think; without file and line, as `warnings_of`."""
    return [replace(each, severity="note") for each in (*_guarded(experiment), *environment_notes(experiment))]


def _guarded(experiment: Experiment) -> Iterator[Problem]:
    """Patterns that are not matched in linear time."""
    from automl_core.metrics.guarded import LIMIT
    from automl_core.metrics.patterns import Pattern

    for where, task in task_places(experiment):
        metrics = getattr(task, "metrics", None)
        for name, text in metrics.patterns.items() if isinstance(metrics, StdoutMetrics) else ():
            why = Pattern(text).why_guarded
            if why:
                yield Problem(
                    f"it is matched in a process of its own ({why}), where a search may take {LIMIT:g} s; "
                    "without that, each line is matched at once and in linear time",
                    (*where, "metrics", "patterns", name),
                    found=show(text),
                )


def _storage(storage: str) -> Iterator[Problem]:
    match = re.match(r"(s3|oss|file)(:/?(?!/)|//|/)(.*)", storage, re.IGNORECASE)
    if match is not None and "://" not in storage and (match[2] != "/" or match[1].lower() != "file"):
        meant = f"{match[1].lower()}://{match[3].lstrip('/')}"
        yield Problem(
            f"{storage!r} is no address, so it is taken for a folder of that name below AUTOML_HOME",
            ("output", "storage"), suggestion=f"Did you mean {meant!r}?",
        )  # fmt: skip
    elif storage.removeprefix("file://").startswith("~"):
        place = storage.removeprefix("file://")
        yield Problem(
            f"'~' stands for no home folder here: {place!r} is a folder below AUTOML_HOME", ("output", "storage"),
            suggestion="Write the whole path",
        )  # fmt: skip


def _goal(experiment: Experiment) -> Iterator[Problem]:
    """Directions that don't fit the metrics' names: said, for a name may mislead, and never changed."""
    goal = experiment.goal
    for index, objective in enumerate(goal.all_objectives):
        place: Place = ("goal", "objectives", index, "direction") if goal.several else ("goal", "direction")
        for metric, weight in objective.weights.items():
            more = (objective.direction == "maximize") == (weight > 0)
            lower, higher = _better(metric)
            if lower == higher:
                continue
            if more == lower:
                usual = "minimize" if objective.direction == "maximize" else "maximize"
                yield Problem(
                    f"{metric} is to be as {'high' if more else 'low'} as can be, and by its name a "
                    f"{'lower' if lower else 'higher'} one is better", place,
                    suggestion=f"Did you mean {usual!r}?" if weight == 1 else "Is the sign of its weight right?",
                )  # fmt: skip


def _better(metric: str) -> tuple[bool, bool]:
    """Whether by a metric's name a lower value is better, and whether a higher one is; neither where that is open."""
    words = set(re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", metric).lower()))
    return (False, False) if words & _NEGATED else (bool(words & _LOWER), bool(words & _HIGHER))


def _turned(experiment: Experiment) -> Iterator[Problem]:
    """A target in terms of the metric where the goal of a template is a loss, less the metric: any trial reaches it."""
    target, chosen = experiment.stop.target, experiment.space.get("metric")
    named = getattr(chosen, "value", None)
    if experiment.template is None or experiment.goal.metric != "loss" or target is None or not isinstance(named, str):
        return
    if target > 0 and _better(named) == (False, True):
        yield Problem(
            f"the goal is `loss`, which is less the {named} here and below 0: the first trial reaches {target:g}",
            ("stop", "target"), suggestion=f"Did you mean {-target:g}?",
        )  # fmt: skip


def _sources(experiment: Experiment) -> Iterator[Problem]:
    """Metrics of the goal that no training task can report."""
    known: set[str] | None = set()
    for task in experiment.tasks:
        metrics = task.metrics
        if isinstance(metrics, StdoutMetrics) and metrics.patterns and known is not None:
            known |= metrics.patterns.keys()
        elif isinstance(metrics, SelectMetrics) and "*" not in metrics.sql and known is not None:
            known |= {name for name in experiment.goal.metrics if re.search(rf"\b{re.escape(name)}\b", metrics.sql)}
        else:
            known = None
    for metric in experiment.goal.metrics:
        steps = [name for task in experiment.tasks for name in _step_names(task.metrics)]
        if known is not None and metric not in known:
            last = len(experiment.tasks) - 1
            field = "patterns" if isinstance(experiment.tasks[last].metrics, StdoutMetrics) else "sql"
            have = f"have {', '.join(sorted(known))} only" if known else "have no metric of the goal"
            yield Problem(
                f"no training task can report {metric!r}, which the goal needs: its {field} {have}",
                ("tasks", last, "metrics", field), suggestion="Add it, or name another one in goal.metric",
            )  # fmt: skip
        elif known is None and metric.lower() in steps:
            yield Problem(
                f"{metric!r} is read as the number of a step, not as a metric", ("goal",),
                suggestion="Report it under another name, or give metrics.step other names",
            )  # fmt: skip


def _step_names(metrics: object) -> list[str]:
    """Names that a source reads as a step's number, in lower case."""
    found = getattr(metrics, "step", None)
    return [name.lower() for name in found] if isinstance(found, list) else []


def _limits(experiment: Experiment) -> Iterator[Problem]:
    """Limits that can't have an effect."""
    trials, stop, tasks = experiment.trials, experiment.stop, experiment.tasks
    if stop.max_cost is not None and not any(
        task.hourly_price or getattr(task, "prices_connection", None) or _has_prices(task) for task in tasks
    ):
        yield Problem(
            "no training task has a price, so no trial costs anything and this never ends the experiment",
            ("stop", "max_cost"), suggestion="Give the tasks cost_per_hour",
        )  # fmt: skip
    if stop.no_improvement is not None and stop.no_improvement.trials >= trials.max:
        yield Problem(
            f"no more than {trials.max} trials run (trials.max), so this never ends the experiment",
            ("stop", "no_improvement", "trials"),
        )  # fmt: skip
    rule = trials.early_stopping
    if getattr(rule, "min_trials", 0) >= trials.max:
        yield Problem(
            f"no more than {trials.max} trials run (trials.max), so the rule never has so many others to compare with",
            ("trials", "early_stopping", "min_trials"),
        )  # fmt: skip
    for index, task in enumerate(tasks):
        if task.timeout is not None and trials.timeout is not None and task.timeout > trials.timeout:
            limit = format_duration(trials.timeout)
            yield Problem(f"trials.timeout is shorter ({limit}), and that one holds", ("tasks", index, "timeout"))


def _beliefs(experiment: Experiment) -> Iterator[Problem]:
    """Priors that the search never looks at."""
    named = [name for name, model in flatten(experiment.space).items() if getattr(model, "prior", None) is not None]
    if not named:
        return
    algorithm = experiment.search.algorithm
    if algorithm == AUTO:
        algorithm = choose(context_of(experiment, Space.from_models(experiment.space)))[0][0]
    if algorithm != BAYESIAN or not experiment.goal.plain:
        why = f"{algorithm} searches here" if algorithm != BAYESIAN else "there is more than one objective"
        yield Problem(
            f"{why}, and only {BAYESIAN} with one objective goes by what is believed: the prior has no effect",
            ("space", named[0], "prior"), suggestion="Give the value as default: every algorithm tries it first",
        )  # fmt: skip


def _dates(experiment: Experiment) -> Iterator[Problem]:
    """Dates of a run that no run, or none of those that begin by themselves, will have."""
    if experiment.cron is not None:
        return
    if experiment.schedule is not None:
        why = "runs that assets begin have no logical date, so they fail at their start"
        remedy = "Read the day from what was updated, or use a cron schedule"
    else:
        why = "no schedule gives runs a logical date, and one that is begun without fails at its start"
        remedy = "Add a schedule, or begin runs with one: automl run --logical-date 2026-11-01"
    for name, problem in named_dates(experiment):
        yield replace(problem, message=f"${{{name}}}: {why}", suggestion=remedy)
        return  # one word on it is enough


def _has_prices(task: object) -> bool:
    prices = getattr(task, "prices", None)
    return prices is not None and any(value for value in prices.model_dump().values())


def _has(experiment: Experiment) -> dict[str, bool]:
    return {
        "prepared": bool(experiment.prepare),
        "code": experiment.code is not None,
        "spec_file": experiment.spec_file is not None,
    }


def _braces(experiment: Experiment) -> Iterator[tuple[str, Problem]]:
    """``$lr`` and ``{lr}`` for ``${lr}``: they are taken as they stand, or for a variable of the shell."""
    space = list(flatten(experiment.space))
    inputs = input_names(experiment.data, experiment.columns)
    same = constants_in(experiment.space)
    slips = {
        where: _slips(names_for(where, space, **_has(experiment), inputs=inputs, constants=same))
        for where in TASK_LISTS
    }
    for where, task in task_places(experiment):
        bare, curly = slips[str(where[0])]
        shell = isinstance(getattr(task, "command", None), str)
        for place, text in texts_of(task.model_dump(mode="json"), where):
            field = place[2]
            if field == "pod_template":
                continue
            for match in [*bare.finditer(text), *curly.finditer(text)]:
                name = match[1]
                if field == "command" and _is_assigned(name, text, task.env):
                    continue
                own = field == "command" and shell and match.re is bare
                what = "the shell's own variable, which is empty" if own else "taken as it stands"
                yield name, Problem(f"{match[0]} is {what}", place, suggestion=f"Did you mean ${{{name}}}?")


def _slips(names: Iterable[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds ``$name``, and what finds ``{name}``."""
    listed = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return (
        re.compile(rf"(?<![\\$])\$({listed})(?![\w.-]*[\w])"),
        re.compile(rf"(?:^|(?<=[\s=]))\{{+\s*(?:params\.)?({listed})\s*\}}+(?=$|\s)"),
    )


def _is_assigned(name: str, script: str, env: Iterable[str]) -> bool:
    """Whether a script has a variable of its own of that name."""
    own = rf"(?:^|[\s;(])(?:export\s+|local\s+)?{name}=|\bfor\s+{name}\s+in\b|\bread\s+.*\b{name}\b"
    return name in env or re.search(own, script, re.MULTILINE) is not None


def _unused(experiment: Experiment, home: Path, file: Path | None, meant: set[str]) -> Iterator[Problem]:
    """Parameters, and the budget, that no training task names; ``meant`` are those that `_braces` has words for."""
    dumped = [task.model_dump(mode="json") for task in experiment.tasks]
    texts = [text for task in dumped for _, text in texts_of(task, ())]
    named = {name for text in texts for name, closed in placeholders(text) if closed} | meant
    space = flatten(experiment.space)
    if experiment.spec_file is not None and (SPEC_FILE in named or any("AUTOML_SPEC_FILE" in text for text in texts)):
        named |= named_in(experiment.spec_file, space)
    unused = [name for name in space if name not in named]
    budget = experiment.trials.budget
    no_budget = budget is not None and "budget" not in named
    if not unused and not no_budget:
        return
    scripts = readable_scripts(experiment, home, file)
    said = "\n".join([*texts, *scripts.values()])
    in_sql = all(isinstance(task, MaxComputeTask) for task in experiment.tasks)
    if budget is not None and no_budget and "AUTOML_BUDGET" not in said:
        how = "statements have no environment" if in_sql else "it stands in AUTOML_BUDGET alone"
        yield Problem(
            f"no training task names ${{budget}}: {how}{_unread(scripts)}; trials would all train equally long",
            ("trials", "budget"),
        )  # fmt: skip
    if not unused or (PARAMS in said and not in_sql):
        return
    if in_sql:
        how = "so it changes nothing in a trial"
        remedy = "Write it where a statement wants the value"
    else:
        how = f"so it reaches the training in the environment variable {PARAMS} alone (JSON){_unread(scripts)}"
        remedy = "Write it where the command wants the value, or read it there"
    for name in unused if len(unused) < len(space) else unused[:1]:
        shown = f"${{{name}}}" if len(unused) < len(space) or len(space) == 1 else "any parameter"
        place: Place = ("space", name) if name in experiment.space else ("space",)
        yield Problem(f"no training task names {shown}, {how}", place, suggestion=remedy)


def _unread(scripts: dict[str, str]) -> str:
    """What can be said of the programs that were found."""
    return f", and {', '.join(scripts)} does not read it" if scripts else ""
