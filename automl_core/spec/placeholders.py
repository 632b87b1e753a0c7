"""Placeholders ``${name}`` in commands, environments and paths: do their names exist?

Only the names are checked here; what a placeholder becomes is the trial contract's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from automl_core.spec.bundles import BUNDLE_DIR, has_bundle
from automl_core.spec.code import CODE_DIR
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.errors import Path, Problem, did_you_mean
from automl_core.spec.relations import RESERVED_NAMES
from automl_core.spec.sizes import PROBLEMS
from automl_core.spec.spec_files import SPEC_FILE

PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^{}\n]*)(\}?)")
"""The grammar: ``$${`` stands for ``${``; ``${name}`` has its name in group 1, and an empty group 2 is no end."""

NOT_SUBSTITUTED = frozenset({"name", "backend", "source"})
"""Fields of a training task whose text is taken as it is."""

_NOT_SUBSTITUTED_IN = {"metrics": frozenset({"source", "patterns"}), "sql": frozenset({"name"})}
"""The same within some of its fields (a regular expression may well have ${ in it); of an object of a cluster every
text is substituted, its names too, and so is each variable of `env`, whatever it is called."""


def placeholders(text: str) -> Iterator[tuple[str, bool]]:
    """The names in ``${…}`` of a text, each with whether its brace is closed; ``$${`` is a literal ``${``."""
    for match in PLACEHOLDER.finditer(text):
        if match.group(1) is not None:
            yield match.group(1), bool(match.group(2))


OF_A_TRIAL = frozenset({"trial_id", "params", "budget"})
"""What a training task of a stage has not: it belongs to no trial."""


def placeholder_problems(
    task: Any,
    path: Path,
    names: Iterable[str],
    *,
    prepared: bool = False,
    code: bool = False,
    spec_file: bool = False,
    inputs: Iterable[str] = (),
    constants: Iterable[str] = (),
    not_in_stages: str = "",
    guesses: int = PROBLEMS,
) -> list[Problem]:
    """Check every placeholder of one training task.

    Args:
        task: its plain data, as in the file or as dumped from the model.
        path: where it stands in the file; its first element is one of `sizes.TASK_LISTS`.
        names: the parameters of the space.
        prepared: whether the experiment has a stage ``prepare``.
        code: whether it has a folder of code.
        spec_file: whether it has a spec file.
        inputs: names that its data sets and columns have (`datasets.input_names`).
        constants: those of ``names`` that have one value whatever the trial.
        not_in_stages: why stages find no spec file; empty where they do.
        guesses: unknown names whose nearest known one is looked for. Of many names that takes long, and no more than
            `PROBLEMS` of a file are told.
    """
    parameters = list(dict.fromkeys(names))
    backend = task.get("backend", "local") if isinstance(task, dict) else "local"
    elsewhere = _unseen(backend) | _elsewhere(str(path[0]), parameters, prepared, code, spec_file, constants)
    if not_in_stages and spec_file and path[0] in ("prepare", "conclude"):
        elsewhere[SPEC_FILE] = f"a training task of {path[0]} belongs to no trial, and {not_in_stages}"
    known = tuple(
        name
        for name in names_for(
            str(path[0]),
            parameters,
            prepared=prepared,
            code=code,
            spec_file=spec_file,
            inputs=inputs,
            constants=constants,
        )
        if name not in elsewhere
    )
    among = frozenset(known)
    found: list[Problem] = []
    for place, text in texts_of(task, path):
        for name, closed in placeholders(text):
            if not closed or name not in among or (name == BUNDLE_DIR and not has_bundle(backend, place[len(path) :])):
                guess = len(found) < guesses
                found.append(_problem(name, closed, place, known, elsewhere.get(name, ""), guess=guess))
    return found


def names_for(
    where: str, parameters: Iterable[str], *, prepared: bool, code: bool = False, spec_file: bool = False,
    inputs: Iterable[str] = (), constants: Iterable[str] = (),
) -> list[str]:  # fmt: skip
    """What ``${…}`` may name in a training task.

    Args:
        where: the list that it stands in, one of `sizes.TASK_LISTS`.
        parameters: those of the space.
        prepared: whether the experiment has a stage ``prepare``.
        code: whether it has a folder of code.
        spec_file: whether it has a spec file.
        inputs: names that its data sets and columns have (`datasets.input_names`).
        constants: those of ``parameters`` that have one value whatever the trial.
    """
    own = list(dict.fromkeys(parameters))
    elsewhere = _elsewhere(where, own, prepared, code, spec_file, constants)
    return [name for name in [*own, *inputs, *sorted(RESERVED_NAMES), *RUN_DATES] if name not in elsewhere]


def _unseen(backend: str) -> dict[str, str]:
    """Names that have no meaning for training tasks of a backend, and why not."""
    if backend == "maxcompute":
        return dict.fromkeys((CODE_DIR, SPEC_FILE), "a statement in MaxCompute sees no files")
    if backend == "custom_resource":
        return {CODE_DIR: "the pods of a custom resource are made by its controller; bring code in their image"}
    return {}


def _elsewhere(
    where: str, parameters: Iterable[str], prepared: bool, code: bool, spec_file: bool, constants: Iterable[str] = ()
) -> dict[str, str]:
    """Names that have a meaning in other training tasks than those of one list, and why not in these."""
    reasons: dict[str, str] = {}
    if where in ("prepare", "conclude"):
        why = f"a training task of {where} belongs to no trial"
        same = set(constants)
        reasons |= dict.fromkeys([*(name for name in parameters if name not in same), *OF_A_TRIAL], why)
    if where != "conclude":
        reasons["trials_file"] = "only the training tasks of conclude see all trials"
    if where == "prepare":
        reasons["prepared_dir"] = "it is what prepare leaves for others; its own place is ${model_dir}"
    elif not prepared:
        reasons["prepared_dir"] = "the experiment has no prepare"
    if not code:
        reasons[CODE_DIR] = "the experiment has no code; name its folder with code: FOLDER"
    if not spec_file:
        reasons[SPEC_FILE] = "the experiment has no spec_file; spec_file: {format: yaml} gives it one"
    return reasons


def _problem(
    name: str, closed: bool, path: Path, known: tuple[str, ...], elsewhere: str, *, guess: bool
) -> Problem:  # fmt: skip
    if closed and elsewhere:
        return Problem(f"${{{name}}} has no meaning here: {elsewhere}", path, found=f"${{{name}}}", allowed=known)
    if closed and name == BUNDLE_DIR:
        return Problem(
            f"${{{BUNDLE_DIR}}} is a folder of Airflow's worker, which a training that runs elsewhere doesn't see",
            path,
            found=f"${{{BUNDLE_DIR}}}",
            suggestion=f"In pods, bring code with `files: {{/app/train.py: '${{{BUNDLE_DIR}}}/train.py'}}`",
        )
    if not closed:
        return Problem(f"'${{{name}' has no closing brace", path, suggestion="Write $${ for a literal ${")
    words = did_you_mean(name, known) if guess else ""
    if not words:
        words = f"Write $${{{name}}} for a literal ${{{name}}}, such as a variable of the shell"
    return Problem(f"${{{name}}} is not known", path, found=f"${{{name}}}", allowed=known, suggestion=words)


def texts_of(task: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of a training task's plain data in which ``${…}`` is substituted, with its place in the file."""
    if not isinstance(task, dict):
        yield from _texts(task, path)
        return
    for field, value in task.items():
        if field in NOT_SUBSTITUTED:
            continue
        apart = _NOT_SUBSTITUTED_IN.get(str(field), frozenset())
        yield from _texts(value, (*path, str(field)), apart)


def _texts(value: Any, path: Path, apart: frozenset[str] = frozenset()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            if key not in apart:
                yield from _texts(child, (*path, str(key)), apart)
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _texts(child, (*path, index), apart)
