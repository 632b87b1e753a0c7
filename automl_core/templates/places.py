"""Where the versions of templates lie: folders of the deployment, of a bundle, and of the product itself.

Each of these folders has one folder a template with one folder a version: ``NAME/VERSION/template.yaml``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from automl_core.spec.bundles import bundle_of
from automl_core.spec.errors import Problem, SpecError, did_you_mean
from automl_core.spec.template import TEMPLATE_NAME
from automl_core.templates import made
from automl_core.templates.digest import FILE, BadFolder, digest_of

VARIABLE = "AUTOML_TEMPLATES"
"""Environment variable of the deployment: folders with templates, with ``:`` between them."""

FOLDER = "templates"
"""Beside the folder ``experiments`` of a bundle."""

SHIPPED = "shipped_templates"
"""Folder of the installed package with the templates that come with the product."""

_REFERENCE = re.compile(rf"({TEMPLATE_NAME})(?:@(.*))?")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class Unknown(LookupError):
    """There is no such template or version. The message says what there is."""


class Different(RuntimeError):
    """Two folders have a version of one name with different content. The message names both."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What ``template:`` says.

    Attributes:
        name: of the template.
        version: None where only a name is given.
    """

    name: str
    version: int | None

    @property
    def label(self) -> str:
        """``name@version``."""
        return self.name if self.version is None else f"{self.name}@{self.version}"


def parse_reference(text: str) -> Reference:
    """Read ``name`` or ``name@version``.

    Raises:
        ValueError: it is neither; the message says what is wanted.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no template's name; NAME@VERSION is wanted, such as mlp-classification@1")
    if match[2] is not None and not _VERSION.fullmatch(match[2]):
        raise ValueError(f"{match[2]!r} is no version; a whole number of at least 1 is wanted after the @")
    return Reference(match[1], int(match[2]) if match[2] is not None else None)


def shipped_folder() -> Path | None:
    """The templates that come with the product: in the installed package, or in the checkout that this code lies in."""
    package = Path(__file__).resolve().parents[1]
    if (package / SHIPPED).is_dir():
        return package / SHIPPED
    checkout = package.parent / FOLDER
    return checkout if checkout.is_dir() and (package.parent / "pyproject.toml").is_file() else None


@dataclass(frozen=True, slots=True)
class Places:
    """Folders with templates, in the order in which they are asked.

    Attributes:
        folders: those that exist, each once.
    """

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, file: str | Path | None = None, bundle: Path | None = None) -> Places:
        """Those that an experiment file sees.

        Args:
            file: the experiment file; None where a text has none yet.
            bundle: root of its DAG bundle, where Airflow says so.
        """
        stated = [Path(each).expanduser() for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
        if bundle is None and file is not None:
            bundle = bundle_of(Path(file))
        beside = [bundle / FOLDER] if bundle is not None else []
        shipped = shipped_folder()
        candidates = [*stated, *beside, *([shipped] if shipped is not None else [])]
        found: dict[str, Path] = {}
        for folder in candidates:
            if folder.is_dir():
                found.setdefault(os.path.realpath(folder), folder.absolute())
        return cls(tuple(found.values()))

    def names(self) -> list[str]:
        """Every template that has a version here, or can be made here, sorted."""
        return sorted({*made.names(self.folders), *(name for name, _, _ in self.all())})

    def all(self) -> Iterator[tuple[str, int, Path]]:
        """Name, version and folder of every version that lies here; one of several folders comes several times."""
        for place in self.folders:
            for name, folder in _folders_in(place):
                for version in sorted(_versions_in(folder)):
                    yield name, version, folder / str(version)

    def versions(self, name: str) -> list[int]:
        """The versions of a template, oldest first; empty where there is none of that name."""
        return sorted({*self.lying(name), *made.versions(name, self.folders)})

    def lying(self, name: str) -> list[int]:
        """Those of `versions` that lie in a folder."""
        return sorted({version for place in self.folders for version in _versions_in(place / name)})

    def folders_of(self, name: str, version: int) -> list[Path]:
        """Every folder that has a version; where none has, the one in which it is made.

        Raises:
            SpecError: it can't be made.
        """
        folders = (place / name / str(version) for place in self.folders)
        found = [folder for folder in folders if (folder / FILE).is_file()]
        fresh = made.folder_of(name, version, self.folders) if not found else None
        return [fresh] if fresh is not None else found

    def find(self, reference: Reference) -> Path:
        """The folder of a version.

        Raises:
            Unknown: there is none, or the reference names no version.
            Different: several folders have it, with different content.
            SpecError: it can't be made (`made`).
        """
        if reference.version is None and self.versions(reference.name):
            raise Unknown(f"{reference.name!r} names no version: an experiment is to mean the same tomorrow")
        folders = [] if reference.version is None else self.folders_of(reference.name, reference.version)
        if not folders:
            raise Unknown(self._why_none(reference))
        if len(folders) > 1:
            self._check_same(reference, folders)
        return folders[0]

    def _why_none(self, reference: Reference) -> str:
        if self.versions(reference.name):
            return f"the template {reference.name!r} has no version {reference.version}"
        return f"there is no template {reference.name!r}"

    @staticmethod
    def _check_same(reference: Reference, folders: Sequence[Path]) -> None:
        try:
            first, *others = [(folder, digest_of(folder)) for folder in folders]
        except (BadFolder, OSError):
            return  # reading the first one says what is wrong with it
        for folder, digest in others:
            if digest != first[1]:
                raise Different(
                    f"{reference.label} lies in {first[0]} ({short(first[1])}) and in {folder} ({short(digest)}), and "
                    "the two differ: a version never changes, so one of them has to have another number"
                )

    def problem(self, reference: Reference) -> Problem | None:
        """What is wrong with a reference, with what there is, for the field ``template`` of a file; None if nothing."""
        try:
            self.find(reference)
        except Unknown as error:
            versions = self.versions(reference.name)
            if versions:
                allowed = tuple(f"{reference.name}@{version}" for version in versions)
                return Problem(
                    str(error), ("template",), found=reference.label, allowed=allowed,
                    suggestion=f"Write {allowed[-1]}, the latest" if reference.version is None else "",
                )  # fmt: skip
            names = self.names()
            suggestion = did_you_mean(reference.name, names)
            suggestion = suggestion or made.how(reference.name)
            if not names and not suggestion:
                suggestion = f"Name a folder with templates in {VARIABLE}, or lay one beside the experiments"
            return Problem(
                str(error), ("template",), found=reference.label, allowed=tuple(names), suggestion=suggestion
            )
        except Different as error:
            return Problem(str(error), ("template",), found=reference.label)
        return None

    def latest(self, reference: Reference) -> Reference:
        """The same reference, with the newest version where it names none.

        Raises:
            SpecError: there is no such template.
        """
        versions = self.versions(reference.name)
        if reference.version is None and versions:
            return Reference(reference.name, versions[-1])
        problem = self.problem(reference)
        if problem is not None:
            raise SpecError([problem])
        return reference

    def newer(self, name: str, version: int) -> int | None:
        """The newest version of a template, where it is newer than this one."""
        versions = self.versions(name)
        return versions[-1] if versions and versions[-1] > version else None


def _folders_in(place: Path) -> Iterator[tuple[str, Path]]:
    """Name and folder of what may be a template, or one of a group of templates."""
    for folder in sorted(place.iterdir()):
        if not re.fullmatch(TEMPLATE_NAME, folder.name) or not folder.is_dir():
            continue
        yield folder.name, folder
        for inner in sorted(folder.iterdir()):
            name = f"{folder.name}/{inner.name}"
            if not _VERSION.fullmatch(inner.name) and re.fullmatch(TEMPLATE_NAME, name) and inner.is_dir():
                yield name, inner


def _versions_in(folder: Path) -> Iterator[int]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if _VERSION.fullmatch(entry.name) and os.path.isfile(os.path.join(entry.path, FILE)):
            yield int(entry.name)


def short(digest: str) -> str:
    """A digest for people: its first twelve digits."""
    return digest.partition(":")[0] + ":" + digest.partition(":")[2][:12]
