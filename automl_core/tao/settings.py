"""A notebook's settings as an experiment file: one to one, both vocabularies, nothing dropped in silence.

A file is written, and not read at run time: what an experiment does stands in it in the words that every experiment
has, with what became of each setting in a comment. So a TAO user sees at once what is what, and there is one way in
which experiments are said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.errors import Problem, SpecError, did_you_mean, show
from automl_core.tao.containers import UnknownAction
from automl_core.tao.settings_goal import goal_of_settings
from automl_core.tao.settings_parameters import parameters_of_settings
from automl_core.tao.settings_search import Read, search_of
from automl_core.tao.tasks import tasks_of
from automl_core.tao.vocabulary import SAID, flat
from automl_core.templates.version import Template

RETENTION = ("auto", "best", "terminal")


@dataclass(slots=True)
class Brought:
    """An experiment file from settings.

    Attributes:
        body: its plain data.
        notes: what is to be said of it, for people.
    """

    body: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def network_of(call: Mapping[str, Any]) -> str | None:
    """The network that a call names, None where it names none."""
    named = call.get("network")
    return named if isinstance(named, str) and named else None


def experiment_of(
    call: Mapping[str, Any], template: Template, *, name: str | None = None,
    pod: Mapping[str, Any] | None = None, concurrency: int | None = None, conclude: Sequence[str] = (),
    output: Mapping[str, Any] | None = None,
) -> Brought:  # fmt: skip
    """The experiment that settings ask for.

    Args:
        call: the settings; or the arguments of ``AutoML(…)``, with the settings under ``settings``.
        template: of the network.
        name: of the experiment; that of the session where None, else the network's.
        pod: keys of a training task in a pod, ``image`` of TAO's container among them; a process on the worker's
            machine where None.
        concurrency: trials at once; one where None and the settings say none, as in TAO.
        conclude: actions on the best trial's model, such as ``export``; they come after the final evaluation.
        output: where models go: ``storage``, ``connection``, ``keep_models``.

    Raises:
        SpecError: settings that TAO has not, that contradict each other, or that have no meaning here; it holds all
            problems, each with the setting as its place.
    """
    given, problems = flat(call)
    read, network = Read(given, problems), template.head.template.partition("/")[2]
    named = read.text("network")
    if named is not None and named != network:
        read.wrong("network", f"the template is that of {network}")
    action = read.text("action", "train")
    if action != "train":
        read.wrong("action", "what is searched is a training", "Other actions are training tasks (docs/tao.md)")
    search, goal = search_of(read), goal_of_settings(read, network)
    parameters = parameters_of_settings(read, template)
    body: dict[str, Any] = {"name": name or _name(read, network), "template": template.label}
    specs = read.raw("train_specs")
    if isinstance(specs, Mapping | str) and specs:
        body["spec_file"] = {"base": specs if isinstance(specs, str) else _nested(specs, read)}
    elif specs is not None and not isinstance(specs, Mapping | str):
        read.wrong("train_specs", "a mapping, or the path of a file, is wanted")
    if goal.goal is not None:
        body["goal"] = goal.goal
    found = dict(search.search)
    if read.flag("run_baseline", False) and search.trials:
        found["baseline"] = True
        search.trials["max"] += 1
        search.notes.append(f"run_baseline: the defaults are one trial more, so trials.max is {search.trials['max']}")
    found |= {key: names for key, names in (("add", parameters.add), ("remove", parameters.remove)) if names}
    body["search"] = found
    if parameters.space:
        body["space"] = parameters.space
    body["trials"] = search.trials | ({"concurrency": concurrency} if concurrency is not None else {})
    there = {"backend": "kubernetes", "resources": {"gpu": _gpus(body.get("spec_file"))}, **pod} if pod else {}
    train = {**there, **_task(read)}
    if train:
        body["tasks"] = {"train": train}
    wanted = list(dict.fromkeys([*(["evaluate"] if read.flag("run_final_evaluation", False) else []), *conclude]))
    if wanted:
        body["conclude"] = _concluding(network, wanted, there, read)
        storage = str((output or {}).get("storage", ""))
        if "://" in storage and not storage.startswith("file:"):
            place = ("run_final_evaluation",) if "evaluate" not in conclude and len(wanted) == 1 else ("conclude",)
            read.problems.append(
                Problem("TAO reads no buckets, so nothing can be done with the best trial's model in the end", place,
                        found=storage, suggestion="Take a folder that all share; or evaluate and export each trial")
            )  # fmt: skip
    if output:
        body["output"] = dict(output)
    notes = [*search.notes, *goal.notes, *parameters.notes]
    for setting, (written, value) in given.items():
        if setting in SAID:
            notes.append(f"{written}{_shown(setting, value)}: {SAID[setting]}")
        elif setting not in read.taken and setting not in ("session_id", "experiment_id"):
            notes.append(f"{written} {show(value)}: {found.get('algorithm')} has nothing of the kind")
    if read.problems:
        raise SpecError(read.problems)
    return Brought(body, notes)


def _concluding(network: str, actions: Sequence[str], there: Mapping[str, Any], read: Read) -> list[dict[str, Any]]:
    """The training tasks of actions on the best trial."""
    found: list[dict[str, Any]] = []
    for index, action in enumerate(actions):
        try:
            if action == "train":
                raise UnknownAction("train is what trials do")
            found += tasks_of(network, action)
        except UnknownAction as error:
            read.problems.append(Problem(str(error), ("conclude", index), found=action))
    return [_in_pod(task, there) if there else task for task in found]


def _shown(setting: str, value: Any) -> str:
    return "" if "key" in setting else f" {show(value)}"


def _name(read: Read, network: str) -> str:
    stated = read.text("session_id") or read.text("experiment_id") or network
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", str(stated)).strip("-._")[:100] or network


def _nested(specs: Mapping[str, Any], read: Read) -> dict[str, Any]:
    """A spec as groups; TAO takes flat ones with dots, too."""
    body: dict[str, Any] = {}
    for key, value in specs.items():
        here = body
        *groups, last = str(key).split(".")
        for group in groups:
            below = here.setdefault(group, {})
            if not isinstance(below, dict):
                read.problems.append(Problem(f"{group} is a value and a group", ("train_specs", str(key))))
                return body
            here = below
        here[last] = (
            {**here[last], **value} if isinstance(value, Mapping) and isinstance(here.get(last), dict) else value
        )
    return body


def _gpus(spec_file: Any) -> int:
    """GPUs of a training, as the spec states them; one where it doesn't."""
    base = spec_file.get("base") if isinstance(spec_file, dict) else None
    train = base.get("train") if isinstance(base, dict) else None
    stated = train.get("num_gpus") if isinstance(train, Mapping) else None
    return stated if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0 else 1


def _task(read: Read) -> dict[str, Any]:
    """What is laid over the template's training task, wherever it runs."""
    env: dict[str, str] = {}
    if read.has("automl_delete_intermediate_ckpt") and not read.flag("automl_delete_intermediate_ckpt", True):
        env["TAO_DELETE_INTERMEDIATE"] = "false"
    else:
        read.raw("automl_delete_intermediate_ckpt")
    strategy = read.text("automl_checkpoint_retention_strategy")
    if strategy is not None:
        if strategy not in RETENTION:
            read.wrong(
                "automl_checkpoint_retention_strategy", "no strategy", did_you_mean(strategy, RETENTION), RETENTION
            )
        env["TAO_KEEP"] = strategy
    return {"env": env} if env else {}


def _in_pod(task: dict[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """A training task of a stage as a pod runs it: it finds its program wherever that is unpacked."""
    program = [f"${{code_dir}}/{each}" if each.endswith(".py") else each for each in task["command"]]
    kept = {key: value for key, value in task.items() if key != "cwd"}
    return {**kept, **there, "command": program}
