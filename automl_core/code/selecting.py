"""Which files of a folder go along: what an ignore file names does not, and what looks like a secret stops it all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".automlignore"
"""Lies in the folder itself; as a .gitignore."""

MOST_BYTES = 64 << 20
"""Bytes of all files: code, no data and no weights."""

MOST_FILES = 10_000
"""Files at most."""

LEFT_OUT = (
    ".git", ".hg", ".svn", ".venv/", "venv/", "__pycache__/", "*.py[cod]", ".ipynb_checkpoints/", ".mypy_cache/",
    ".pytest_cache/", ".ruff_cache/", ".tox/", "node_modules/", "*.egg-info/", ".DS_Store", f"/{IGNORE_FILE}",
)  # fmt: skip
"""What is never wanted, as first lines of the ignore file: a line with ! brings it back."""

SECRETS = (
    ".env", ".env.*", "!.env.example", "!.env.sample", "!.env.template", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks",
    "*.keystore", "*.kdbx", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pgpass", ".pypirc", ".npmrc",
    ".htpasswd", ".git-credentials", ".aws/credentials", ".docker/config.json", ".kube/config", "kubeconfig",
)  # fmt: skip
"""Names of files that hold keys and passwords, which everybody who reads the bucket would read."""

_SHOWN = 5


class CodeError(ValueError):
    """A folder of code that can't go along. The message says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One file that goes along.

    Attributes:
        name: below the folder, with '/'.
        path: where it is read.
        executable: whether anybody may run it.
        size: in bytes.
        real: where it lies below the folder, which is another place than `name` where that is a link.
    """

    name: str
    path: Path
    executable: bool
    size: int
    real: str


def choose(folder: Path, ignore: Sequence[str] = ()) -> list[Chosen]:
    """The files that go along, in the order of their names.

    Links to files and folders within the folder are followed; empty folders do not go along.

    Args:
        folder: the folder.
        ignore: further lines, behind those of the folder's ignore file.

    Raises:
        CodeError: the folder isn't there, is empty or too large; a link leads out of it; or a file looks like a secret.
    """
    rules = _Rules(folder, ignore)
    found: list[Chosen] = []
    secrets: list[str] = []
    for chosen in _walk(folder, "", rules, (folder.resolve(),)):
        found.append(chosen)
        if rules.is_secret(chosen.name) or rules.is_secret(chosen.real):
            secrets.append(chosen.name)
        if len(found) > MOST_FILES:
            raise CodeError(f"{folder} has more than {MOST_FILES:,} files: name what is no code in its {IGNORE_FILE}")
    if secrets:
        more = f" and {len(secrets) - _SHOWN} more" if len(secrets) > _SHOWN else ""
        raise CodeError(
            f"{', '.join(secrets[:_SHOWN])}{more} in {folder}: a name that secrets have, and everybody who reads the "
            f"storage would read it. Add it to {IGNORE_FILE} (a line !{secrets[0]} there packs it all the same)"
        )
    if not found:
        raise CodeError(f"{folder} has no files to go along")
    total = sum(each.size for each in found)
    if total > MOST_BYTES:
        largest = sorted(found, key=lambda each: -each.size)[:_SHOWN]
        names = ", ".join(f"{each.name} ({each.size:,})" for each in largest)
        raise CodeError(
            f"the files of {folder} have {total:,} bytes, {MOST_BYTES:,} at most; the largest: {names}. Name what is "
            f"no code in its {IGNORE_FILE}; data belong under data:"
        )
    return sorted(found, key=lambda each: each.name.encode())


class _Rules:
    """What is left out, and what looks like a secret."""

    def __init__(self, folder: Path, ignore: Sequence[str]) -> None:
        self._folder = folder
        lines = [*_lines_of(folder / IGNORE_FILE), *ignore]
        self._left_out, self._own = _spec([*LEFT_OUT, *lines], folder), _spec(lines, folder)
        self._secrets = _spec(SECRETS, folder)

    def leaves_out(self, name: str, is_folder: bool) -> bool:
        return bool(self._left_out.match_file(f"{name}/" if is_folder else name))

    def is_secret(self, name: str) -> bool:
        """Whether a file that is not left out looks like a secret, and nobody has asked for it by name."""
        return bool(self._secrets.match_file(name)) and self._own.check_file(name).include is not False


def _spec(lines: Iterable[str], folder: Path) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:  # a line such as "!" alone
        raise CodeError(f"{folder / IGNORE_FILE}: {error}") from None


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise CodeError(f"{path} can't be read: {error}") from None


def _walk(folder: Path, above: str, rules: _Rules, real: tuple[Path, ...]) -> Iterator[Chosen]:
    """The files below a folder. `real`: the folders around, the first one that which goes along, links followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise CodeError(f"{folder} can't be read: {(error.strerror or str(error)).lower()}") from None
    for entry in entries:
        name, path = f"{above}{entry.name}", Path(entry.path)
        try:
            name.encode()
        except UnicodeEncodeError:
            raise CodeError(f"{name!r} in {real[0]}: a name that is not UTF-8; rename it") from None
        is_folder = entry.is_dir()  # a link to a folder is one
        if rules.leaves_out(name, is_folder):
            continue
        if entry.is_symlink():
            path = _linked(path, name, real)
        if is_folder:
            yield from _walk(path, f"{name}/", rules, (*real, path.resolve()))
            continue
        status, lies = entry.stat(), path.resolve().relative_to(real[0]).as_posix()
        if not stat.S_ISREG(status.st_mode):
            raise CodeError(f"{name} in {real[0]} is no file: add it to {IGNORE_FILE}")
        yield Chosen(name, path, bool(status.st_mode & 0o111), status.st_size, lies)


def _linked(path: Path, name: str, real: tuple[Path, ...]) -> Path:
    """What a link leads to."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise CodeError(f"{name} in {real[0]} is a link to nothing: add it to {IGNORE_FILE}") from None
    if not target.is_relative_to(real[0]):
        raise CodeError(
            f"{name} in {real[0]} is a link that leads out of the folder, to {target}: add it to {IGNORE_FILE}, or put "
            "what it names into the folder"
        )
    if target in real:
        raise CodeError(f"{name} in {real[0]} is a link to a folder around itself: add it to {IGNORE_FILE}")
    return target
