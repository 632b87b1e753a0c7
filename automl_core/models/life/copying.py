"""The copy of a published model that a version is: made, checked, and only then recorded."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from automl_core.models.life.layout import MODEL, version_prefix
from automl_core.models.life.refusals import NotOffered
from automl_core.storage.base import Entry, NotFound, ObjectStore

MODEL_FILE_KIND = "model-file"
FOLDER_KIND = "folder"

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Original:
    """A published model as it was read, before it is copied.

    Attributes:
        store, prefix: where it lies; the prefix ends with '/'.
        entries: its files as they were listed before they were read.
        hashes: sha256 of each, by name below the prefix.
        kind, problem, target: see `ModelCopy`.
    """

    store: ObjectStore
    prefix: str
    entries: tuple[Entry, ...]
    hashes: dict[str, str]
    kind: str
    problem: str
    target: str

    @property
    def digest(self) -> str:
        """Of all names and contents: sha256 of a line for each file, sorted."""
        return digest_of_files(self.hashes)

    @property
    def bytes(self) -> int:
        """All files in sum."""
        return sum(entry.size for entry in self.entries)


def digest_of_files(hashes: dict[str, str]) -> str:
    """One digest for a folder: sha256 over ``sha256  name`` lines, sorted by name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def digest_of_folder(folder: Path) -> str:
    """The same of a folder on this machine."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    return digest_of_files({each.relative_to(folder).as_posix(): _sha256(each) for each in files})


def read_original(store: ObjectStore, prefix: str) -> Original:
    """Read a published model: its files' digests; a model file of ours is held to what it says of its own files.

    Raises:
        NotOffered: there is nothing, or it is broken. The message says what.
        StorageError: the store refuses or is away.
    """
    entries = tuple(store.entries(prefix))
    if not entries:
        raise NotOffered(f"there is no published model at {store.url}/{prefix}")
    try:
        with _local(store, prefix, entries) as folder:
            hashes = {name: _sha256(folder / name) for name in _names(prefix, entries)}
            kind, problem, target = _described(folder)
    except (NotFound, FileNotFoundError) as error:
        raise NotOffered(f"the model at {store.url}/{prefix} is being replaced: {error}") from None
    return Original(store, prefix, entries, hashes, kind, problem, target)


def copy_to(original: Original, store: ObjectStore, name: str, number: int) -> str:
    """Copy a model into the folder of a version, and see that it has arrived whole.

    Args:
        original: what is copied.
        store: the model's storage; within one store the store copies by itself.
        name: of the model.
        number: of the version.

    Returns:
        The folder of the copy, ending with '/'.

    Raises:
        NotOffered: the original was changed while it was copied, or the copy is another than it.
        StorageError: a store refuses or is away.
    """
    target = version_prefix(name, number, original.digest) + MODEL
    names = _names(original.prefix, original.entries)
    extra = {entry.key.removeprefix(target) for entry in store.entries(target)} - set(names)
    if extra:  # of a copy that broke off before its original was replaced: it can't be of this digest
        store.delete_prefix(target)
    try:
        if _same_place(original.store, store):
            for each in names:
                store.copy_file(original.prefix + each, target + each)
        else:
            _across(original, store, target, names)
    except NotFound as error:
        raise NotOffered(f"the model at {original.store.url}/{original.prefix} is being replaced: {error}") from None
    _see(original, store, target)
    return target


def _across(original: Original, store: ObjectStore, target: str, names: list[str]) -> None:
    """Copy file by file between two stores; what is written is what was hashed on the way."""
    with tempfile.TemporaryDirectory(prefix="automl-copy-") as scratch:
        file = Path(scratch) / "file"
        for name in names:
            here = original.store.local_path(original.prefix + name)
            if here is None:
                original.store.download_file(original.prefix + name, file)
                here = file
            if _sha256(here) != original.hashes[name]:
                raise NotOffered(f"{original.store.url}/{original.prefix}{name} was changed while it was copied")
            store.upload_file(here, target + name)


def _see(original: Original, store: ObjectStore, target: str) -> None:
    """Compare a copy with what was read.

    In a folder each file is read again. In a bucket the sizes are compared, and that the original is still the one
    whose files were hashed: what a store copies by itself, or was sent with its length, it keeps as it is.
    """
    arrived = {entry.key.removeprefix(target): entry.size for entry in store.entries(target)}
    wanted = {entry.key.removeprefix(original.prefix): entry.size for entry in original.entries}
    if arrived != wanted:
        odd = sorted(name for name in arrived.keys() | wanted.keys() if arrived.get(name) != wanted.get(name))
        raise NotOffered(f"the copy at {store.url}/{target} is not whole: {', '.join(odd[:5])}")
    for name, digest in original.hashes.items():
        here = store.local_path(target + name)
        if here is not None and _sha256(here) != digest:
            raise NotOffered(f"{store.url}/{target}{name} is not what was read of the original")
    if tuple(original.store.entries(original.prefix)) != original.entries:
        raise NotOffered(f"the model at {original.store.url}/{original.prefix} was replaced while it was copied")


@contextmanager
def _local(store: ObjectStore, prefix: str, entries: tuple[Entry, ...]) -> Iterator[Path]:
    """A model's files as a local folder: where they lie, or downloaded for as long as they are looked at."""
    here = store.local_path(prefix.rstrip("/"))
    if here is not None:
        yield here
        return
    with tempfile.TemporaryDirectory(prefix="automl-copy-") as scratch:
        for name in _names(prefix, entries):
            store.download_file(prefix + name, Path(scratch) / name)
        yield Path(scratch)


def _described(folder: Path) -> tuple[str, str, str]:
    """Kind, problem and target of a folder; a model file of ours whose files are not what they were is refused."""
    from automl_core.modelfile.model import compare, read_info  # numpy comes with them
    from automl_core.modelfile.scoring.documents import LaterFormat
    from automl_core.modelfile.writing import KIND, MODEL_FILE

    try:
        read = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return FOLDER_KIND, "", ""
    if not isinstance(read, dict) or read.get("kind") != KIND:
        return FOLDER_KIND, "", ""
    try:
        info = read_info(folder)
        compare(folder, info)
    except (LaterFormat, ValueError) as error:
        raise NotOffered(str(error)) from None
    problem = info["problem"]
    return MODEL_FILE_KIND, str(problem.get("kind", "")), str(problem.get("target", ""))


def _names(prefix: str, entries: tuple[Entry, ...]) -> list[str]:
    return [entry.key.removeprefix(prefix) for entry in entries]


def _same_place(one: ObjectStore, other: ObjectStore) -> bool:
    """Whether a store can copy by itself. Two buckets of the same URL may be of two servers: that is not enough."""
    here = one.local_path("model")
    return one is other or (here is not None and here == other.local_path("model"))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
