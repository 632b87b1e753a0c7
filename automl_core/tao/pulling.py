"""A network's template into a folder of templates, made from the package or from a schema file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from automl_core.extras import DISTRIBUTION as CORE
from automl_core.spec.errors import SpecError, did_you_mean
from automl_core.tao import package
from automl_core.tao.templates import digest_of_files, from_package, lay, read_schema, version_of
from automl_core.tao.writing import GROUP, files_of
from automl_core.templates.checking import check_template
from automl_core.templates.digest import digest_of
from automl_core.templates.places import Different, Places, Reference, short
from automl_core.templates.pulling import Pulled


class Refused(ValueError):
    """There is nothing to make a template from, or not of that version. The message says why."""


def is_network(address: str) -> bool:
    """Whether what is to be pulled is a network's template, not one of a store."""
    return address.startswith(f"{GROUP}/") and "://" not in address and address.count("/") == 1


def pull_network(reference: Reference, into: Path, schema: Path | None = None) -> Pulled:
    """Make a network's template and put it in its place, whole or not at all, checked.

    Args:
        reference: ``tao/NETWORK``, with a version where one is wanted. A schema's is the next free number if none.
        into: folder of templates.
        schema: a file with the network's schema; from the installed package if None.

    Raises:
        Refused: the package is not installed, or has no such network or version.
        Different: that version is there already with another content.
        SpecError: the schema can't be read, or makes no valid template.
    """
    network = reference.name.removeprefix(f"{GROUP}/")
    version, files = (
        _from_package(network, reference.version) if schema is None else _from_schema(network, reference, into, schema)
    )
    digest = digest_of_files(files)
    target = into / reference.name / str(version)
    label = Reference(reference.name, version).label
    if target.exists():
        there = digest_of(target)
        if there != digest:
            raise Different(
                f"{label} lies in {target} already ({short(there)}), and what would be made now is another one "
                f"({short(digest)}): a version never changes, so one of them has to have another number"
            )
        return Pulled(label, target, digest, new=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".pull-") as temporary:
        fresh = Path(temporary) / reference.name / str(version)
        lay(files, fresh)
        problems = check_template(fresh).problems
        if problems:
            raise SpecError(problems)
        fresh.rename(target)
    return Pulled(label, target, digest, new=True)


def _from_package(network: str, wanted: int | None) -> tuple[int, Mapping[str, bytes]]:
    release = package.installed_version()
    if release is None:
        raise Refused(
            f"{GROUP}/{network} is made from NVIDIA's package {package.DISTRIBUTION}, which is not installed: it comes "
            f"with the extra {GROUP}, as {CORE}[{GROUP}]; or give a schema file of a TAO deployment (--schema)"
        )
    if network not in package.networks():
        hint = did_you_mean(network, package.networks())
        raise Refused(f"{package.DISTRIBUTION} {release} has no network {network!r}" + (f". {hint}" if hint else ""))
    if wanted not in (None, version_of(release)):
        raise Refused(f"{package.DISTRIBUTION} {release} makes version {version_of(release)}, and not {wanted}")
    return from_package(network)


def _from_schema(network: str, reference: Reference, into: Path, schema: Path) -> tuple[int, Mapping[str, bytes]]:
    """The version that has this very content, or the next one."""
    data = read_schema(schema)
    there = Places((into,)).lying(reference.name)

    def made(version: int) -> dict[str, bytes]:
        return files_of(network, data, version=version, made_from=schema.name)

    if reference.version is not None:
        return reference.version, made(reference.version)
    for version in there:
        if digest_of(into / reference.name / str(version)) == digest_of_files(made(version)):
            return version, made(version)
    fresh = max(there, default=0) + 1
    return fresh, made(fresh)
