"""A version of a template from a store into a folder of the deployment."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.spec.errors import SpecError
from automl_core.templates.checking import check_template
from automl_core.templates.digest import FILE, MOST_BYTES, MOST_FILES, BadFolder, digest_of
from automl_core.templates.made import GROUPS
from automl_core.templates.places import Different, Unknown, parse_reference, short

if TYPE_CHECKING:
    from automl_core.storage.base import ObjectStore


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of it.

    Attributes:
        label: ``name@version``.
        folder: where it lies now.
        digest: of it.
        new: whether it was not there before.
    """

    label: str
    folder: Path
    digest: str
    new: bool


def split_address(address: str) -> tuple[str, str, int]:
    """The address of a store, and the name and version in it: ``s3://bucket/templates/mlp/3`` → its first three parts.

    Raises:
        ValueError: it doesn't end with a name and a version.
    """
    base, _, rest = address.rstrip("/").rpartition("/")
    base, _, name = base.rpartition("/")
    try:
        reference = parse_reference(f"{name}@{rest}")
    except ValueError:
        reference = None
    group = base.rpartition("/")[2]
    if reference is not None and reference.version is not None and group in GROUPS:
        return base.rpartition("/")[0], f"{group}/{name}", reference.version
    if not base or base.endswith(":/") or reference is None or reference.version is None:
        raise ValueError(f"{address!r} names no version; …/NAME/VERSION is wanted, such as s3://bucket/templates/mlp/3")
    return base, reference.name, reference.version


def pull(store: ObjectStore, name: str, version: int, into: Path) -> Pulled:
    """Fetch a version, check it, and put it in its place whole or not at all.

    Args:
        store: whose root has one folder a template.
        name, version: which one.
        into: folder of the deployment; ``name/version`` is made in it.

    Raises:
        Unknown: the store has no such version.
        Different: that version is there already with another content: a version never changes.
        SpecError: what the store has is no valid template.
        BadFolder: it has too many files, or too large ones.
        StorageError: the store refuses or is away.
    """
    label = f"{name}@{version}"
    prefix = f"{name}/{version}"
    entries = store.entries(f"{prefix}/")
    if not any(entry.key == f"{prefix}/{FILE}" for entry in entries):
        raise Unknown(f"{store.url}/{prefix} has no {FILE}")
    if len(entries) > MOST_FILES or sum(entry.size for entry in entries) > MOST_BYTES:
        raise BadFolder(f"{store.url}/{prefix} has more than {MOST_FILES:,} files or {MOST_BYTES >> 20} MiB")
    (into / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".pull-") as temporary:
        fresh = Path(temporary) / prefix
        store.download(prefix, fresh)
        problems = check_template(fresh).problems
        if problems:
            raise SpecError(problems)
        digest = digest_of(fresh)
        target = into / prefix
        try:
            fresh.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            return Pulled(label, target, _same(label, target, digest, store.url), new=False)
    return Pulled(label, target, digest, new=True)


def _same(label: str, target: Path, digest: str, source: str) -> str:
    there = digest_of(target)
    if there != digest:
        raise Different(
            f"{label} lies in {target} already ({short(there)}), and {source} has another one ({short(digest)}): a "
            "version never changes, so one of them has to have another number"
        )
    return there
