"""The trial contract: what the code of a trial sees, in its commands and in its environment.

Both say the same, so training code needs no library of ours: ``${learning_rate}`` in a command
is a value of ``AUTOML_PARAMS``. See docs/experiment-file.md for the user's side of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl_core.backends.shell import check_shell, shell_command
from automl_core.backends.substitution import (
    Placeholder,
    PlaceholderError,
    check_placeholders,
    parse,
    problem_of,
    render,
)
from automl_core.spec.datanames import COLUMNS, DATA, TABLES, variable_of
from automl_core.spec.dates import RUN_DATES, VARIABLES, missing
from automl_core.spec.parameters import Value

if TYPE_CHECKING:
    from automl_core.spec.tasks import LocalTask

__all__ = [
    "PlaceholderError",
    "TrialContext",
    "arguments_of",
    "check_command",
    "check_placeholders",
    "command_line",
    "environment",
    "params_name",
    "substitute",
    "value_text",
]

_NAME_LENGTH = 100
_OPTION = re.compile(r"--?[A-Za-z][^=]*")


@dataclass(frozen=True, slots=True)
class TrialContext:
    """The trial that a training task belongs to.

    Attributes:
        experiment_id: name of the experiment.
        run_id: id of its run.
        trial: the trial's number, from 0.
        attempt: which attempt at this work it is.
        params: the combination: values of the active parameters.
        checkpoint_dir: folder (path or URL) for checkpoints; a later attempt or rung may resume from it.
        model_dir: folder (path or URL) for the model and whatever else is to be kept.
        budget: up to which budget to train, None in experiments without budgets.
        resume_from: folder (path or URL) of the checkpoint to go on from, None at the beginning.
        inactive: names of the space's parameters that this combination doesn't have.
        bundle_dir: folder of the DAG bundle that the experiment file comes from, None where it is out of sight.
        prepared_dir: folder (path or URL) with what the stage ``prepare`` left, None where there is none.
        trials_file: file (path or URL) that tells ``conclude`` of all trials, None elsewhere.
        dates: the run's dates by their names (`automl_core.spec.dates`), without those that it doesn't have.
        attempt_id: name of this attempt, which no other in the run has; empty where nobody could go on beside it.
        data: places of the data sets by name, as the training finds them.
        tables: address of a table of MaxCompute → file of this machine that has its rows.
        columns: roles of columns → name or names.
        goal: the experiment's, as `automl_core.spec.goal.Goal.told` has it; empty for stages and several objectives.
        spec_file: file (path or URL) with the trial's parameters, None where the experiment has none.
        code_dir: folder with the code that goes along with the experiment, None where none does.
        owner_file: file (path or URL) that holds the `attempt_id` to which the checkpoint folder belongs now, None
            where nobody else could write there or the training can't see it.
    """

    experiment_id: str
    run_id: str
    trial: int
    attempt: int
    params: Mapping[str, Value]
    checkpoint_dir: str
    model_dir: str
    budget: int | None = None
    resume_from: str | None = None
    inactive: frozenset[str] = field(default_factory=frozenset)
    bundle_dir: str | None = None
    prepared_dir: str | None = None
    trials_file: str | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    attempt_id: str = ""
    owner_file: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)
    goal: Mapping[str, Any] = field(default_factory=dict)
    spec_file: str | None = None
    code_dir: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of all parameters of the space, of data sets and of roles of columns."""
        return [*self.params, *sorted(self.inactive), *self._inputs]

    @property
    def _inputs(self) -> dict[str, str]:
        """What ``${data.train}`` and ``${columns.target}`` stand for; several columns are a JSON list."""
        places = {f"{DATA}{name}": place for name, place in self.data.items()}
        named = {f"{COLUMNS}{role}": value_text(columns) for role, columns in self.columns.items()}
        return places | named

    def text_of(self, placeholder: Placeholder) -> str | None:
        """The text that a placeholder stands for, None when the trial has no such value.

        Raises:
            PlaceholderError: there is no such name, or it is a date that the run doesn't have.
        """
        problem = problem_of(placeholder, self.names)
        if problem:
            raise PlaceholderError(problem)
        name = placeholder.name
        if name in self.params:
            return value_text(self.params[name])
        if name in self.inactive:
            return None
        if name in self._inputs:
            return self._inputs[name]
        if name in RUN_DATES:
            if name not in self.dates:
                raise PlaceholderError(missing(name))
            return self.dates[name]
        return self._reserved()[name]

    def _reserved(self) -> dict[str, str | None]:
        return {
            "experiment_id": self.experiment_id,
            "exp_id": self.experiment_id,
            "run_id": self.run_id,
            "trial_id": str(self.trial),
            "attempt": str(self.attempt),
            "params": params_name(self.params),
            "budget": None if self.budget is None else str(self.budget),
            "resume_from": self.resume_from,
            "checkpoint_dir": self.checkpoint_dir,
            "model_dir": self.model_dir,
            "bundle_dir": self.bundle_dir,
            "prepared_dir": self.prepared_dir,
            "trials_file": self.trials_file,
            "spec_file": self.spec_file,
            "code_dir": self.code_dir,
        }


def value_text(value: Value | list[str]) -> str:
    """A parameter's value as commands show it: text as it is, all else as JSON (``0.001``, ``true``, ``[1, 2]``).

    The digits of a number are those of Python's ``repr``, so reading it back gives the same number.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=not isinstance(value, list))


def params_name(params: Mapping[str, Value]) -> str:
    """A combination as one name that is safe in file names: ``lr0.001_batchsize64``.

    Letters, digits, ``.``, ``+`` and ``-`` stay, ``_`` only parts the parameters, and the name has 100
    characters at most. A name that had to be changed or cut ends in a digest of the combination,
    so that no two combinations share one by that.
    """
    parts, exact = [], True
    for name, value in params.items():
        text = value_text(value)
        safe = re.sub(r"[^A-Za-z0-9.+-]", "", text)
        exact = exact and safe == text
        parts.append(re.sub(r"[^A-Za-z0-9.+-]", "", name) + safe)
    joined = "_".join(parts).lstrip(".-") or "none"
    if exact and len(joined) <= _NAME_LENGTH:
        return joined
    canonical = json.dumps(dict(params), sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:10]
    return f"{joined[: _NAME_LENGTH - len(digest) - 1]}_{digest}"


def environment(context: TrialContext) -> dict[str, str]:
    """The trial as environment variables.

    ``AUTOML_BUDGET``, ``AUTOML_RESUME_FROM``, ``AUTOML_BUNDLE_DIR``, ``AUTOML_PREPARED_DIR``, ``AUTOML_TRIALS_FILE``,
    ``AUTOML_SPEC_FILE``, ``AUTOML_CODE_DIR`` and the run's dates are left out where there is none, so that
    ``os.environ.get("AUTOML_BUDGET", 10)`` does what it seems to do; so are ``AUTOML_COLUMNS`` without columns,
    ``AUTOML_GOAL`` without one goal, and ``AUTOML_ATTEMPT_ID`` and ``AUTOML_OWNER_FILE`` where no other attempt can go
    on unseen.
    """
    variables = {
        "AUTOML_EXPERIMENT_ID": context.experiment_id,
        "AUTOML_RUN_ID": context.run_id,
        "AUTOML_TRIAL_ID": str(context.trial),
        "AUTOML_ATTEMPT": str(context.attempt),
        "AUTOML_PARAMS": json.dumps(dict(context.params)),
        "AUTOML_CHECKPOINT_DIR": context.checkpoint_dir,
        "AUTOML_MODEL_DIR": context.model_dir,
    }
    if context.budget is not None:
        variables["AUTOML_BUDGET"] = str(context.budget)
    if context.resume_from is not None:
        variables["AUTOML_RESUME_FROM"] = context.resume_from
    if context.attempt_id and context.owner_file is not None:
        variables["AUTOML_ATTEMPT_ID"] = context.attempt_id
        variables["AUTOML_OWNER_FILE"] = context.owner_file
    if context.bundle_dir is not None:
        variables["AUTOML_BUNDLE_DIR"] = context.bundle_dir
    if context.prepared_dir is not None:
        variables["AUTOML_PREPARED_DIR"] = context.prepared_dir
    if context.trials_file is not None:
        variables["AUTOML_TRIALS_FILE"] = context.trials_file
    if context.spec_file is not None:
        variables["AUTOML_SPEC_FILE"] = context.spec_file
    if context.code_dir is not None:
        variables["AUTOML_CODE_DIR"] = context.code_dir
    variables |= {variable_of(name): place for name, place in context.data.items()}
    if context.tables:
        variables[TABLES] = json.dumps(dict(context.tables))
    if context.goal:
        variables["AUTOML_GOAL"] = json.dumps(dict(context.goal))
    if context.columns:
        variables["AUTOML_COLUMNS"] = json.dumps(dict(context.columns))
    return variables | {VARIABLES[name]: date for name, date in context.dates.items() if name in VARIABLES}


def substitute(text: str, context: TrialContext) -> str:
    """A text with every ``${name}`` replaced, and ``$${`` turned into ``${``.

    Nothing is quoted: for environment values, paths and files, not for a shell (see `command_line`).
    A value that the trial doesn't have (an inactive parameter, ``${budget}`` without budgets) is empty.

    Raises:
        PlaceholderError: there is no such name; the message has the nearest right one and the list.
    """
    return render(text, lambda placeholder: context.text_of(placeholder) or "")


def command_line(task: LocalTask, context: TrialContext) -> list[str]:
    """The argument list that runs a training task's command.

    An argument list stays one: every element is substituted by itself and no shell sees it. A value that
    the trial doesn't have drops its option: an element that is only ``${momentum}`` goes together with an
    option (``-m``, ``--momentum``) right before it, and ``--momentum=${momentum}`` goes as a whole.

    Text is run by ``/bin/sh -c``, with values that can't be executed, split or expanded whatever they hold
    (see `automl_core.backends.shell`); there, a value that the trial doesn't have is the empty string.

    Raises:
        PlaceholderError: a ``${…}`` has no meaning, or can't be had at this place.
    """
    return arguments_of(task.command, context)


def arguments_of(command: str | list[str], context: TrialContext) -> list[str]:
    """The argument list of any task's command (see `command_line`).

    Raises:
        PlaceholderError: a ``${…}`` has no meaning, or can't be had at this place.
    """
    if isinstance(command, str):
        arguments = shell_command(command, context.text_of)
    else:
        arguments = _argument_list(command, context.text_of)
    for number, argument in enumerate(arguments):
        if "\0" in argument:
            raise PlaceholderError(
                f"command: element {number} has a NUL character in it, which no command line can carry"
            )
    return arguments


def check_command(command: str | list[str], names: Iterable[str]) -> list[str]:
    """What is wrong with the ``${…}`` of a command, before anything runs (see `check_placeholders`)."""
    known = list(names)
    if isinstance(command, str):
        return [*check_placeholders(command, known), *check_shell(command)]
    return list(dict.fromkeys(problem for element in command for problem in check_placeholders(element, known)))


def _argument_list(command: list[str], text_of: Callable[[Placeholder], str | None]) -> list[str]:
    arguments: list[str] = []
    droppable = False  # whether the last argument is an option that a missing value takes along
    for element in command:
        prefix, placeholder = _lone_placeholder(element)
        if placeholder is not None and text_of(placeholder) is None and arguments:
            if not prefix and droppable:
                arguments.pop()
            droppable = False
            continue
        arguments.append(render(element, lambda each: text_of(each) or ""))
        droppable = _OPTION.fullmatch(element) is not None and len(arguments) > 1
    if not arguments[0]:
        raise PlaceholderError(f"command: its first element {command[0]!r} is empty in this trial, so nothing can run")
    return arguments


def _lone_placeholder(element: str) -> tuple[str, Placeholder | None]:
    """The option and placeholder of ``${name}`` or ``--option=${name}``; no placeholder for anything else."""
    match parse(element):
        case [Placeholder() as placeholder]:
            return "", placeholder
        case [str() as prefix, Placeholder() as placeholder] if prefix[-1] == "=" and _OPTION.fullmatch(prefix[:-1]):
            return prefix, placeholder
        case _:
            return "", None
