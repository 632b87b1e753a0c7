"""The repository's own Python files as syntax trees, for tests that hold them to the rules of docs/architecture.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PRODUCT = ("automl_core", "plugins", "templates", "dags", "examples")
"""Folders with code that users run."""


@dataclass(frozen=True)
class Import:
    """One imported name, wherever in a file it stands: at its top, in a function, under TYPE_CHECKING."""

    name: str
    line: int
    at_top: bool


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        parts = parts[1:] if parts[0] == "plugins" else parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.place)

    @property
    def imports(self) -> list[Import]:
        return self._found[0]

    @property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Dotted names of what is called, as written, with the call."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[list[Import], list[tuple[str, ast.Call]]]:
        """Both in one walk: the trees of the product have two million nodes."""
        top = set(map(id, self.tree.body))
        imports, calls = [], []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                calls.append((dotted(node.func), node))
            if isinstance(node, (ast.Import, ast.ImportFrom, ast.Call, ast.Constant)):
                imports += [Import(name, node.lineno, id(node) in top) for name in imported_names(node)]
        return imports, calls


def dotted(called: ast.expr) -> str:
    """What is called, as written."""
    names = []
    node = called
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):  # of what a call gave, say
        return ast.unparse(called)
    return ".".join([node.id, *reversed(names)])


def imported_names(node: ast.AST) -> Iterator[str]:
    """Dotted names that one statement imports; ``from a.b import c`` gives ``a.b.c``.

    ``importlib.import_module("a.b")`` counts, and so does text that names a module of the product to import
    (``"automl_core.search.grid:Grid"`` in a registry).
    """
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom(module=str() as module, level=0):
            yield from (f"{module}.{alias.name}" for alias in node.names)
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str() as name), *_],
        ):
            yield name
        case ast.Constant(value=str() as text) if (
            text.startswith(("automl_core.", "automl_airflow.")) and " " not in text
        ):
            yield text.replace(":", ".")


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file below some folders of the repository, in order."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        _source(path) for path in sorted(found) if not any(p.startswith(".") for p in path.relative_to(ROOT).parts)
    )


@cache
def _source(path: Path) -> Source:
    """One for each file, whichever folders it is asked for with: its tree is made once."""
    return Source(path)


def gallery() -> list[Path]:
    """The shipped files of experiments; those of models and of annotation projects lie beside them."""
    others = (".model.yaml", ".annotation.yaml")
    return sorted(path for path in (ROOT / "experiments").glob("*.yaml") if not path.name.endswith(others))
