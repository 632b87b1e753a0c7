"""Writing a template.yaml from what a program knows of itself: a thing a line, in the order in which people read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def lines(members: Mapping[str, Any]) -> str:
    """Keys of the file itself."""
    return "".join(f"{name}: {flow(value)}\n" for name, value in members.items())


def group(name: str, members: Mapping[str, Any]) -> str:
    """A group of the file, each member on a line."""
    return f"{name}:\n" + "".join(f"  {each}: {flow(value)}\n" for each, value in members.items())


def stage(name: str, program: str, preload: str) -> str:
    """``prepare`` or ``conclude``: one program."""
    return f"{name}:\n{task(program, program, preload)}"


def task(name: str, program: str, preload: str, *, step: str = "") -> str:
    """One training task.

    Args:
        name: of it.
        program: its file beside template.yaml, without its ending.
        preload: module that is loaded once for all that are forked.
        step: what it prints its metrics by; empty: it prints none.
    """
    command = f'[python, {program}.py, --config, "${{spec_file}}"]'
    more = f", metrics: {{source: stdout, step: [{step}]}}" if step else ""
    return f"  - {{name: {name}, cwd: code, command: {command}, preload: {preload}{more}}}\n"


def flow(value: Any) -> str:
    """A value on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True)
    return text.removesuffix("\n...\n").rstrip("\n")


def requires_of(project: Path, extra: str) -> list[str]:
    """What an extra brings, as pip writes it.

    Args:
        project: pyproject.toml.
        extra: its name.
    """
    import tomllib

    found = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"][extra]
    return [str(each) for each in found]
