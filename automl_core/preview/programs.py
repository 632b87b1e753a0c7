"""The program that a training task starts, looked for where it will run: on this machine, as far as that can tell."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from automl_core.spec.bundles import bundle_of, in_bundle
from automl_core.spec.code import CWD, Code
from automl_core.spec.errors import Path as Place
from automl_core.spec.errors import Problem, did_you_mean
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.models import Experiment
from automl_core.spec.stages import task_places
from automl_core.spec.tasks import LocalTask

SCRIPTS = (".py", ".sh", ".bash", ".R", ".r", ".pl", ".js", ".mjs", ".rb", ".jl", ".php", ".lua")
"""Endings of files that an interpreter is given to run."""

_INTERPRETERS = re.compile(r"(python|pypy|bash|sh|dash|zsh|ksh|perl|ruby|Rscript|node|julia|php|lua|torchrun)[\d.]*")
_TAKE_A_VALUE = frozenset({"-W", "-X", "-O", "--nproc_per_node", "--nproc-per-node", "--nnodes"})
_BUILT_IN = frozenset({
    ".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo", "esac", "eval",
    "exec", "exit", "export", "false", "fg", "fi", "for", "function", "if", "kill", "let", "local", "printf", "pwd",
    "read", "return", "set", "shift", "source", "test", "then", "time", "times", "trap", "true", "type", "ulimit",
    "umask", "unalias", "unset", "until", "wait", "while", "{", "!", "(",
})  # fmt: skip
"""Words of a shell that are no programs."""

_MOST_BYTES = 1_000_000


def program_warnings(experiment: Experiment, home: Path, file: Path | None) -> Iterator[Problem]:
    """Programs, scripts and files that are not where the training task will look for them.

    Args:
        experiment: a valid one.
        home: AUTOML_HOME.
        file: where the experiment file lies, where that is known.
    """
    for where, task in task_places(experiment):
        if isinstance(task, LocalTask):
            yield from _local(task, where, home, file, experiment.program)
        elif isinstance(task, KubernetesTask):
            for inside, source in task.files.items():
                path = in_bundle(source, home, _bundle(file))
                if not path.is_file():
                    beside = _beside(source, home, file)
                    yield Problem(f"there is no file {path} here", (*where, "files", inside),
                                  suggestion=beside)  # fmt: skip


def readable_scripts(experiment: Experiment, home: Path, file: Path | None) -> dict[str, str]:
    """The scripts that training tasks run, as far as they are to be found here: name as in the file → text."""
    found = {}
    for task in experiment.tasks:
        if isinstance(task, LocalTask) and (place := _folder(task, home, file, experiment.program)) is not None:
            script = script_of(_words(task.command))
            names = {script: place / script} if script else {}
        elif isinstance(task, KubernetesTask):
            names = {source: in_bundle(source, home, _bundle(file)) for source in task.files.values()}
        else:
            continue
        for name, path in names.items():
            try:
                if path.is_file() and path.stat().st_size <= _MOST_BYTES:
                    found[name] = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
    return found


def script_of(words: list[str]) -> str | None:
    """The script that a command has an interpreter run; None where there is none, or a parameter chooses it."""
    if not words or not _INTERPRETERS.fullmatch(os.path.basename(words[0])):
        return None
    rest = iter(words[1:])
    for word in rest:
        if word in ("-m", "-c", "-e", "-"):
            return None
        if word.startswith(("-", "+")):
            if word in _TAKE_A_VALUE:
                next(rest, None)
            continue
        return word if word.endswith(SCRIPTS) and "$" not in word else None
    return None


def _local(task: LocalTask, field: Place, home: Path, file: Path | None, code: Code | None) -> Iterator[Problem]:
    place, words = _folder(task, home, file, code), _words(task.command)
    if place is None or not words:
        return
    if task.cwd is not None and not place.is_dir():
        if code is not None and task.cwd == CWD:  # said of `code` itself
            return
        near = "For a folder that goes along with the experiment: code: FOLDER" if task.cwd == CWD else ""
        yield Problem(f"there is no folder {place} on this machine, in which the command is to run",
                      (*field, "cwd"), suggestion=_beside(task.cwd, home, file) or near)  # fmt: skip
        return
    where = (*field, "command")
    program, script = words[0], script_of(words)
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    if (
        "$" not in program
        and program not in _BUILT_IN
        and "PATH" not in task.env
        and not _is_there(program, place, path)
    ):
        searched = f"in {place}" if "/" in program else "in any folder of PATH"
        near = (
            did_you_mean(program, ("python", "bash", "Rscript", "node", "java", "julia")) if "/" not in program else ""
        )
        yield Problem(f"{program!r} is not to be found {searched} on this machine", where, suggestion=near)
    if script is not None and not (place / script).is_file():
        beside = _in_bundle(task, script, file) or _beside(script, place, file)
        near = "" if beside else did_you_mean(script, _scripts_in((place / script).parent, script))
        yield Problem(
            f"there is no file {os.path.normpath(place / script)} on this machine; commands run in "
            f"{'cwd' if task.cwd else 'AUTOML_HOME'} ({place})", where, suggestion=beside or near,
        )  # fmt: skip


def _is_there(program: str, place: Path, path: str) -> bool:
    if "/" in program:
        return os.access(place / program, os.X_OK) and (place / program).is_file()
    return shutil.which(program, path=path) is not None


def _bundle(file: Path | None) -> Path | None:
    return bundle_of(file) if file is not None else None


def _folder(task: LocalTask, home: Path, file: Path | None, code: Code | None) -> Path | None:
    """Where a command runs, or what will be copied there; None where only a trial knows."""
    if code is not None and task.cwd == CWD:
        return code.place(file) if file is not None else None
    place = str(in_bundle(task.folder(code=code is not None), home, _bundle(file)))
    return None if "${" in place else Path(os.path.normpath(place))


def _in_bundle(task: LocalTask, script: str, file: Path | None) -> str:
    """What to write where a script lies in the bundle of the experiment file, and the command doesn't run there."""
    if file is None or task.cwd is not None or os.path.isabs(script) or not (bundle_of(file) / script).is_file():
        return ""
    return "It lies in the folder that the experiment file comes from: write cwd: bundle"


def _words(command: list[str] | str) -> list[str]:
    """The words of a command, of a script those of its first command; empty where they can't be told."""
    if isinstance(command, list):
        return command
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("();<>|&\n"):
                break
            if words or (word != "exec" and not re.match(r"[A-Za-z_]\w*=", word)):
                words.append(word)
    except ValueError:
        return []
    return words


def _beside(name: str, place: Path, file: Path | None) -> str:
    """What to write where a file lies beside the experiment file."""
    if file is None or os.path.isabs(name):
        return ""
    folder = file.resolve().parent
    if not (folder / name).exists():
        return ""
    inside = folder.is_relative_to(place.resolve())
    written = (folder / name).relative_to(place.resolve()) if inside else folder / name
    return f"It lies beside the experiment file: write {written}"


def _scripts_in(folder: Path, script: str) -> list[str]:
    try:
        names = [entry.name for entry in folder.iterdir() if entry.suffix == Path(script).suffix]
    except OSError:
        return []
    return [str(Path(script).parent / name) for name in sorted(names)]
