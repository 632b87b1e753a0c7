"""The training tasks of an experiment from a template: the template's, with what the file says laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from automl_core.spec.errors import Path as Place
from automl_core.spec.errors import Problem, did_you_mean, show
from automl_core.spec.overrides import merge
from automl_core.spec.shapes import Shape, fields_of, shape_of
from automl_core.spec.training import TrainingTask

CODE_CWD = "code"
"""What ``cwd`` of a local task says for the folder of the program."""

CODE_DIR = "${code_dir}"
"""The same folder wherever a task runs."""


def lay_over(
    tasks: Sequence[Any], given: Any, where: str, folder: Path, origins: dict[Place, Place]
) -> tuple[list[Any], list[Problem]]:
    """Lay what an experiment file says over a template's training tasks.

    Mappings are merged key by key, as a run's conf is. A task that goes to another backend keeps what that backend
    has too; where it ran in the folder of the program, arguments that name a file there find it by ``${code_dir}``.

    Args:
        tasks: the template's, as plain data.
        given: name of a task → what is laid over it; for a stage also a list, which takes the place of the template's.
        where: the list that they stand in: ``tasks``, ``prepare`` or ``conclude``.
        folder: of the version.
        origins: filled with where, in the file, what is said of each task stands: its place in the whole
            experiment → its place in the file.
    """
    if given is None:
        return list(tasks), []
    if where != "tasks" and isinstance(given, list):
        origins[(where,)] = (where,)
        return given, []
    names = [str(task.get("name", "train")) if isinstance(task, Mapping) else "" for task in tasks]
    if not isinstance(given, Mapping):
        allowed = (f"a mapping of a task's name to what is otherwise: {', '.join(names) or 'the template has none'}",)
        return list(tasks), [Problem(f"found {show(given)}", (where,), found=show(given), allowed=allowed)]
    result, problems = list(tasks), []
    for name, over in given.items():
        path = (where, name)
        if name not in names:
            message = f"the template has no training task {name!r} here"
            problems.append(
                Problem(message, path, found=name, allowed=tuple(names), suggestion=did_you_mean(name, names))
            )
        elif not isinstance(over, Mapping):
            problems.append(Problem(f"found {show(over)}", path, found=show(over), allowed=("a mapping",)))
        else:
            index = names.index(name)
            result[index] = _laid_over(tasks[index], over, folder)
            origins[(where, index)] = path
    return result, problems


def _laid_over(task: Mapping[str, Any], over: Mapping[str, Any], folder: Path) -> Any:
    backend = over.get("backend", task.get("backend", "local"))
    base = dict(task)
    if backend != task.get("backend", "local"):
        base = dict(_moved(task, str(backend), folder))
    shape = shape_of(TrainingTask)
    return merge({**base, "backend": backend}, dict(over), shape)


def _moved(task: Mapping[str, Any], backend: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """What a task keeps on another backend."""
    shape = shape_of(TrainingTask)
    old, new = (_model(shape, name) for name in (task.get("backend", "local"), backend))
    in_code = task.get("backend", "local") == "local" and task.get("cwd") == CODE_CWD
    for key, value in task.items():
        if key == "backend" or new is None or key not in fields_of(new):
            continue
        if old is not None and key in fields_of(old) and not _same_meaning(old, new, key):
            continue
        yield key, _found_from_anywhere(value, folder) if key == "command" and in_code else value


def _model(shape: Shape, backend: Any) -> type[BaseModel] | None:
    found = shape.tagged({"backend": backend})
    return found.model if found is not None else None


def _same_meaning(old: type[BaseModel], new: type[BaseModel], key: str) -> bool:
    """Whether a field of one name may hold the same in two backends: ``metrics`` of SQL, say, are of another kind."""
    return str(fields_of(old)[key].annotation) == str(fields_of(new)[key].annotation) or key in ("command", "grace")


def _found_from_anywhere(command: Any, folder: Path) -> Any:
    """A command that ran in the folder of the program, as it finds the program from any folder."""
    if isinstance(command, str):
        return f"cd {CODE_DIR} && {command}"
    if not isinstance(command, list):
        return command
    return [f"{CODE_DIR}/{each}" if isinstance(each, str) and _is_file(folder, each) else each for each in command]


def _is_file(folder: Path, name: str) -> bool:
    """Whether an argument is the name of a file of the program."""
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts and (folder / name).is_file()
