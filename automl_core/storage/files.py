"""Local files: written whole or not at all, and walked in the order in which S3 lists keys."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from automl_core.storage.keys import TEMPORARY

_TRIES = 5
"""How often a new file's folder is made, should somebody remove it in between."""


def walk_files(root: Path, prefix: str = "", start_after: str = "") -> Iterator[str]:
    """Paths of the files below ``root``, relative and with '/', in the order in which S3 lists keys.

    Reads only folders that can hold a path that starts with ``prefix`` and sorts after ``start_after``.
    Links to folders are followed unless they lead back to a folder that they lie in.
    """
    folder, slash, start = prefix.rpartition("/")
    base = folder + slash
    if start_after.startswith(base):
        yield from _walk(os.path.join(root, folder), base, start, start_after[len(base) :], frozenset())
    elif start_after < base:
        yield from _walk(os.path.join(root, folder), base, start, "", frozenset())


def _walk(path: str, base: str, start: str, after: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    """The files of one folder: names that begin with ``start``, what sorts after ``after``."""
    try:
        status = os.stat(path)
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        with os.scandir(path) as entries:
            # A folder's '/' counts in the order: a-b < a.b < a/b < ab.
            names = [
                entry.name + "/" if entry.is_dir() else entry.name
                for entry in entries
                # '0' follows '/': otherwise neither this name nor any path below it sorts after `after`.
                if entry.name.startswith(start)
                and entry.name + "0" > after
                and not entry.name.startswith(TEMPORARY)
                and (entry.is_dir() or entry.is_file())
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    names.sort()
    for name in names:
        if name.endswith("/"):
            rest = after.removeprefix(name) if after.startswith(name) else ""
            yield from _walk(f"{path}/{name[:-1]}", base + name, "", rest, above | {identity})
        elif name > after:
            yield base + name


def temporary_files(root: str, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """The half-written files below ``root`` whose path starts with ``prefix``, relative and with '/', with their state.

    Links to folders are not followed: nothing of this product writes through one.
    """
    above = os.path.join(root, prefix.rpartition("/")[0])
    for folder, _, names in os.walk(above):
        for name in names:
            if not name.startswith(TEMPORARY):
                continue
            path = os.path.join(folder, name)
            key = os.path.relpath(path, root).replace(os.sep, "/")
            with suppress(FileNotFoundError):
                if key.startswith(prefix):
                    yield key, os.lstat(path)


def _open_new(path: str) -> BinaryIO:
    """A new file, its folder made where it is missing."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    for _ in range(_TRIES):
        try:
            return os.fdopen(os.open(path, flags, 0o666), "wb")
        except FileNotFoundError:
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            except FileExistsError as error:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
    raise OSError(errno.EBUSY, "its folder is removed again and again")


def _save(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def temporary_file(path: str, write: Callable[[BinaryIO], object]) -> Iterator[str]:
    """A file beside ``path`` under a temporary name, written and synced to disk, and gone on leaving."""
    temporary = os.path.join(os.path.dirname(path), f"{TEMPORARY}{uuid4().hex}")
    try:
        with _open_new(temporary) as file:
            write(file)
            _save(file)
        yield temporary
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def replace_file(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Write a file whole, in place of any older one; a reader sees the old or the new bytes."""
    with temporary_file(path, write) as temporary:
        os.replace(temporary, path)


def write_exclusively(path: str, data: bytes) -> bool:
    """Write a file only if there is none, where hard links are not to be had; a reader may see a part of it."""
    try:
        file = _open_new(path)
    except FileExistsError:
        return False
    # Never removed again, should this fail half-way: a name that was seen must not be given anew.
    with file:
        file.write(data)
        _save(file)
    return True
