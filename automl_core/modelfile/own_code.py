"""Code of the user's own that a model needs: a file that goes along in its folder, under the name of its digest.

A class of a file is known by a module's name, as every class is. That name has the file's digest in it, so whoever
trusts a type trusts exactly this code; a folder whose file is another is refused. Nothing of it is run before one of
its types is trusted.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

PREFIX = "automl_own_"
"""How the names of such modules begin."""

FOLDER = "code"
"""Of a model's folder: the files."""

_DIGITS = 40
"""Of the digest: so many that nobody makes another file of a name that is trusted."""

_SOURCE = "__automl_source__"
"""Attribute of such a module: the bytes of its file."""

_NAME = re.compile(rf"{PREFIX}[A-Za-z0-9_]*_([0-9a-f]{{{_DIGITS}}})")


class OtherCode(ValueError):
    """A file that is not the code that its module's name says."""


def module_of(file: str | Path) -> ModuleType:
    """The module of a file, run once in a process.

    Raises:
        OSError: the file can't be read.
        Exception: whatever its code raises.
    """
    path = Path(file)
    data = path.read_bytes()
    name = _name_of(path.stem, data)
    return sys.modules.get(name) or _run(name, path, data)


def modules_in(types: Iterable[str]) -> list[str]:
    """The modules of such code among the names of types."""
    return sorted({module for each in types if _NAME.fullmatch(module := each.partition(".")[0])})


def keep(folder: Path, types: Iterable[str], *, all_of: bool = False) -> list[dict[str, str]]:
    """Copy the files of such code that a model needs into its folder.

    Args:
        folder: of the model.
        types: names of types that its estimators need.
        all_of: every such module of this process: which ones a pickle needs is not known.

    Returns:
        Module and file of each, for ``model.json``.
    """
    wanted = modules_in([*types, *(f"{name}.x" for name in sys.modules if all_of)])
    found = []
    for name in wanted:
        file = f"{FOLDER}/{name}.py"
        (folder / FOLDER).mkdir(exist_ok=True)
        (folder / file).write_bytes(getattr(sys.modules[name], _SOURCE))  # what was run, whatever lies there by now
        found.append({"module": name, "file": file})
    return found


def bring(folder: Path, code: Iterable[Mapping[str, Any]]) -> None:
    """Run code that goes along with a model, so that its classes are found. To be called for what is trusted alone.

    Args:
        folder: of the model.
        code: module and file of each, as `keep` gave them.

    Raises:
        OtherCode: a file is not what its module's name says.
        Exception: whatever the code raises.
    """
    for each in code:
        name, path = str(each["module"]), folder / str(each["file"])
        found, data = _NAME.fullmatch(name), path.read_bytes()
        if found is None or hashlib.sha256(data).hexdigest()[:_DIGITS] != found[1]:
            raise OtherCode(f"{path} is not the code that {name} names: nothing of it is run")
        if name not in sys.modules:
            _run(name, path, data)


def _name_of(stem: str, data: bytes) -> str:
    plain = re.sub(r"\W", "_", stem, flags=re.ASCII)[:40]
    return f"{PREFIX}{plain}_{hashlib.sha256(data).hexdigest()[:_DIGITS]}"


class _Held(SourceFileLoader):
    """Loads a module from bytes that were read already: what lies in its file by now may be another thing."""

    def __init__(self, name: str, path: str, data: bytes) -> None:
        super().__init__(name, path)
        self._data = data

    def get_data(self, path: Any) -> bytes:
        """Those bytes."""
        del path
        return self._data

    def path_stats(self, path: Any) -> dict[str, Any]:
        """None, so that no bytecode is read or written in their place."""
        raise OSError(path)


def _run(name: str, path: Path, data: bytes) -> ModuleType:
    spec = importlib.util.spec_from_loader(name, _Held(name, str(path), data))
    if spec is None or spec.loader is None:
        raise ImportError(f"no module can be made of {path}")
    module = importlib.util.module_from_spec(spec)
    setattr(module, _SOURCE, data)
    sys.modules[name] = module  # as an import does: classes of it look there for what they are
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
