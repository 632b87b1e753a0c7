"""Templates of networks that lie in no folder yet: made from NVIDIA's package, or from a schema file beside templates.

`automl_core.templates.made` asks here for names ``tao/NETWORK``. What is made lies in a folder of this machine's cache,
named by its content, so it is the same wherever it is made and nobody changes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from automl_core.spec.errors import Problem, SpecError
from automl_core.tao import package
from automl_core.tao.schema import parse_schema, parse_table
from automl_core.tao.writing import GROUP, READING, files_of
from automl_core.templates.digest import BadFolder, digest_of

VARIABLE = "AUTOML_TEMPLATE_CACHE"
"""Environment variable: where templates are made; ``automl/templates`` in the user's cache if none."""

SCHEMAS = (".json", ".csv")
"""Endings of schema files, beside templates: ``tao/dino.json``."""

HOW = (
    f"automl template pull {{name}} makes it, from NVIDIA's package {package.DISTRIBUTION} (the extra {GROUP}) "
    "or, with --schema FILE, from a schema of a TAO deployment (docs/tao.md)"
)
"""What to do where there is no such template."""

MOST_BYTES = 16 << 20
"""Bytes of a schema file at most; the largest of 7.2.0 has 90,000."""


def version_of(release: str) -> int:
    """The number of a template's version from that of a release: 7.2.0, by reading 1 → 7020001.

    Two digits each for minor, patch and reading, so a later release has a higher number.
    """
    parts = [int("".join(filter(str.isdigit, part)) or 0) for part in release.split("+")[0].split(".")[:3]]
    major, minor, patch = (*parts, 0, 0, 0)[:3]
    return ((major * 100 + min(minor, 99)) * 100 + min(patch, 99)) * 100 + READING


def names(folders: Sequence[Path]) -> Iterator[str]:
    """Every network of which a template can be made.

    Args:
        folders: with templates, in which schema files may lie.
    """
    yield from (f"{GROUP}/{network}" for network in package.networks())
    for folder in folders:
        yield from (f"{GROUP}/{file.stem}" for file in sorted((folder / GROUP).glob("*")) if file.suffix in SCHEMAS)


def versions(name: str, folders: Sequence[Path]) -> list[int]:
    """The versions that can be made of a template."""
    network = name.removeprefix(f"{GROUP}/")
    found = [READING] if _schema_files(network, folders) else []
    release = package.installed_version() if network in package.networks() else None
    return [*found, version_of(release)] if release is not None else found


def folder_of(name: str, version: int, folders: Sequence[Path]) -> Path | None:
    """The folder of a version, made where it isn't there yet; None where it can't be.

    Raises:
        SpecError: the schema can't be read, or is wrong.
    """
    network = name.removeprefix(f"{GROUP}/")
    release = package.installed_version() if network in package.networks() else None
    if release is not None and version == version_of(release):
        return _kept(network, from_package(network))
    files = _schema_files(network, folders) if version == READING else []
    if not files:
        return None
    status = files[0].stat()
    return _kept(network, _from_file(network, files[0], version, status.st_mtime_ns, status.st_size))


def _schema_files(network: str, folders: Sequence[Path]) -> list[Path]:
    files = (folder / GROUP / f"{network}{ending}" for folder in folders for ending in SCHEMAS)
    return [file for file in files if file.is_file()]


@lru_cache(maxsize=64)
def from_package(network: str) -> tuple[int, Mapping[str, bytes]]:
    """The version and files of a network's template, from the package.

    Raises:
        SpecError: the package can't be read.
    """
    release = package.installed_version() or ""
    number = version_of(release)
    source = f"{package.DISTRIBUTION} {release} (Apache-2.0)"
    return number, files_of(network, _schema(network, release), version=number, made_from=source)


@lru_cache(maxsize=64)
def _from_file(network: str, file: Path, version: int, *_seen: int) -> tuple[int, Mapping[str, bytes]]:
    return version, files_of(network, read_schema(file), version=version, made_from=file.name)


def read_schema(file: Path) -> dict[str, Any]:
    """A schema from its file.

    Raises:
        SpecError: it can't be read, or is none.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise SpecError([Problem(f"larger than {MOST_BYTES >> 20} MiB", file=str(file))])
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem(f"it can't be read: {error}", file=str(file))]) from None
    return (parse_table if file.suffix.lower() == ".csv" else parse_schema)(text, str(file))


def _schema(network: str, release: str) -> dict[str, Any]:
    """A network's schema, asked of the package once a machine: those of all networks at once."""
    kept = cache() / f"{package.DISTRIBUTION}-{release}"
    file = kept / f"{network}.json"
    if not file.is_file():
        try:
            found = package.schemas(package.networks())
        except package.Unreadable as error:
            raise SpecError([Problem(str(error), ("template",), found=f"{GROUP}/{network}")]) from None
        kept.mkdir(parents=True, exist_ok=True)
        for name, schema in found.items():
            _write(kept / f"{name}.json", json.dumps(schema).encode())
    return parse_schema(file.read_text(encoding="utf-8"), str(file))


def cache() -> Path:
    """The folder in which templates are made; it belongs to this user alone."""
    stated = os.environ.get(VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    candidates = [Path(stated).expanduser()] if stated else [Path(home) / "automl" / "templates"]
    candidates.append(Path(tempfile.gettempdir()) / f"automl-templates-{os.getuid()}")
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid():
            return folder
    raise SpecError([Problem(f"no folder to make templates in; name one in {VARIABLE}", ("template",))])


def _kept(network: str, made: tuple[int, Mapping[str, bytes]]) -> Path:
    """The folder with these very files."""
    version, files = made
    digest = digest_of_files(files)
    folder = cache() / digest.removeprefix("sha256:")[:16] / GROUP / network / str(version)
    if not _has(folder, digest):
        lay(files, folder)
    return folder


def _has(folder: Path, digest: str) -> bool:
    try:
        return folder.is_dir() and digest_of(folder) == digest
    except (OSError, BadFolder):
        return False


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """What `automl_core.templates.digest.digest_of` says of a folder with these files."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def lay(files: Mapping[str, bytes], folder: Path) -> None:
    """Put files into a folder, whole or not at all; the same that are there stay, others go."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as temporary:
        fresh = Path(temporary) / folder.name
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        for _ in range(3):  # somebody else may be at the same
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
            if _has(folder, digest_of_files(files)):
                return
            with suppress(OSError):
                folder.rename(Path(temporary) / f"old-{time.monotonic_ns()}")
    raise OSError(f"{folder} is changed again and again by somebody else")


def _write(file: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as fresh:
        fresh.write(content)
    os.replace(fresh.name, file)
