"""The code that training tasks run, as far as it can be told before they run: a digest, or why there is none."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from automl_core.preview.programs import SCRIPTS
from automl_core.spec.bundles import in_bundle
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.tasks import LocalTask, TaskBase
from automl_core.storage.files import walk_files

MOST_FILES, MOST_BYTES = 2_000, 32 << 20
"""Files, and their bytes, that are read for one training task."""

_PASSED_OVER = ("__pycache__", "node_modules")
_DATA = frozenset({".csv", ".tsv", ".parquet", ".jsonl", ".gz", ".zip", ".npy", ".npz", ".log", ".pyc"})
_NO_CODE = _DATA | {".yaml", ".yml", ".json", ".toml", ".txt", ".ini", ".cfg"}
"""Endings of files that are read for themselves where a command names one, without what lies beside them."""


class Unknown(ValueError):
    """Nobody can tell what a training task runs. The message says why."""


def code_digest(tasks: Sequence[TaskBase], home: Path, bundle: Path | None, packed: str = "") -> str:
    """A digest of what training tasks run.

    Of a local one these are the files that its command names, and those beside its program, with the code in folders
    below; programs that are found on PATH, and installed libraries, are taken for what their names say. Of a pod they
    are its image, by digest, and the files that are brought into it.

    Args:
        tasks: those of a stage.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from; ``home`` where there is none.
        packed: digest of the code that goes along with the file, where it has some.

    Raises:
        Unknown: it can't be told of one of them.
    """
    digest = hashlib.sha256(packed.encode())
    for task in tasks:
        if isinstance(task, LocalTask):
            paths = _of_a_process(task, home, bundle, packed)
        elif isinstance(task, KubernetesTask):
            if "@sha256:" not in (task.image or ""):
                raise Unknown(f"{task.name} runs the image {task.image}, which is named by no digest (image@sha256:…)")
            paths = [in_bundle(source, home, bundle) for source in task.files.values()]
        else:
            raise Unknown(f"what {task.name} makes lies elsewhere than in its ${{model_dir}}")  # tables, other stores
        for name, content in _contents(task, paths):
            digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()[:32]


def _of_a_process(task: LocalTask, home: Path, bundle: Path | None, packed: str) -> list[Path]:
    words = _words(task)
    if "-m" in words and not packed:
        raise Unknown(f"{task.name} runs a module (-m), whose files nobody can tell from here")
    folder = Path(os.path.normpath(in_bundle(task.folder(code=bool(packed)), home, bundle)))
    found: dict[Path, None] = {}
    for word in words:
        path = in_bundle(word, folder, bundle)
        if "${" in str(path) or not path.is_file():
            continue
        found[path] = None
        if path.is_relative_to(folder) and path.suffix not in _NO_CODE:
            found |= dict.fromkeys(_beside(task, path.parent))
    return list(found)


def _words(task: LocalTask) -> list[str]:
    if isinstance(task.command, list):
        return task.command
    try:
        lexer = shlex.shlex(task.command, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        return list(lexer)
    except ValueError:
        raise Unknown(f"the command of {task.name} can't be told apart into words") from None


def _beside(task: TaskBase, folder: Path) -> Iterator[Path]:
    """The files beside a program, and code in the folders below: it may read and import any of them."""
    for number, name in enumerate(walk_files(folder)):
        if number >= MOST_FILES:
            raise Unknown(f"more than {MOST_FILES:,} files lie beside the program of {task.name}, in {folder}")
        *above, own = name.split("/")
        hidden = any(part.startswith(".") or part in _PASSED_OVER for part in (*above, own))
        suffix = Path(own).suffix
        if not hidden and (suffix in SCRIPTS if above else suffix not in _DATA):
            yield folder / name


def _contents(task: TaskBase, paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    total = 0
    for path in sorted(paths):
        try:
            total += path.stat().st_size
            if total > MOST_BYTES:
                raise Unknown(f"the files beside the program of {task.name} have more than {MOST_BYTES >> 20} MiB")
            yield str(path.name), path.read_bytes()
        except OSError as error:
            raise Unknown(f"{path} can't be read: {error.strerror or error}") from None
