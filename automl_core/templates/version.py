"""One version of a template, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.loader import locate, read_text
from automl_core.spec.template import TemplateVersion
from automl_core.spec.yaml_reader import Document, read_yaml
from automl_core.templates.digest import FILE, BadFolder, digest_of
from automl_core.templates.model import Known, TemplateFile, flat_parameters, head_of


@dataclass(frozen=True, slots=True)
class Template:
    """A version whose head is right; what in it is an experiment's is not checked yet (`checking`).

    Attributes:
        folder: it lies in.
        head: of its file.
        parameters: name → parameter, without sub-spaces, in the order of the file.
        document: the file, which knows on which line everything stands.
    """

    folder: Path
    head: TemplateFile
    parameters: Mapping[str, Known]
    document: Document

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.head.template}@{self.head.version}"

    def reference(self) -> TemplateVersion:
        """The version with its digest, as the whole experiment names it.

        Raises:
            SpecError: its files can't be read, or are none that a version may have.
        """
        try:
            digest = digest_of(self.folder)
        except (BadFolder, OSError) as error:
            raise SpecError([Problem(str(error), file=str(self.folder))]) from None
        return TemplateVersion(name=self.head.template, version=self.head.version, digest=digest)

    def located(self, problem: Problem) -> Problem:
        """The same problem, said of its file."""
        return self.document.located(problem)


def read_template(folder: Path) -> Template:
    """Read a version from its folder.

    Raises:
        SpecError: its file is missing or its head wrong; it holds all problems, each with its line.
    """
    path = folder / FILE
    try:
        status = path.stat()
    except OSError:
        raise SpecError([Problem("there is no such file", file=str(path))]) from None
    return _read(path, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, *_seen: int) -> Template:
    """Read it, once for each state of the file; whoever gets it changes nothing in it."""
    document = read_yaml(read_text(path), str(path))
    problems = list(document.problems)
    if problems:
        raise SpecError(problems)
    head, wrong = head_of(document.data)
    if head is None:
        raise SpecError(locate(wrong, document))
    wrong += _misnamed(head, path.parent)
    parameters = flat_parameters(head)
    wrong += parameters.problems
    if wrong:
        raise SpecError(locate(wrong, document))
    return Template(path.parent, head, parameters.known, document)


def _misnamed(head: TemplateFile, folder: Path) -> list[Problem]:
    """Whether a version lies where its file says."""
    folder = folder.absolute()
    found = []
    if folder.name != str(head.version):
        found.append(
            Problem(f"the folder that it lies in is called {folder.name!r}", ("version",), found=str(head.version),
                    suggestion=f"A version lies in a folder of its number: {head.template}/{head.version}/{FILE}")
        )  # fmt: skip
    parts = head.template.split("/")
    if list(folder.parts[-1 - len(parts) : -1]) != parts:
        lies = "/".join(folder.parts[-1 - len(parts) : -1])
        found.append(
            Problem(f"the folder of its versions is called {lies!r}", ("template",), found=head.template,
                    suggestion=f"A version lies in a folder of its number: {head.template}/{head.version}/{FILE}")
        )  # fmt: skip
    return found


def in_file(problem: Problem, file: str) -> Problem:
    """The same problem, said of another file as a whole."""
    return replace(problem, file=file, line=None, column=None)
