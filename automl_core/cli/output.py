"""Writing to the terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


_WIDTH = 160
"""Columns of a table where no terminal says how many it has."""


def console() -> Console:
    """A console that writes plain text where no terminal is."""
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if known else _WIDTH)


def json_text(body: Any) -> str:
    """Plain JSON, indented."""
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False)


def print_json(body: Any) -> None:
    """Write plain JSON, indented."""
    print(json_text(body))


def tell(text: str) -> None:
    """A word on what is being done; on standard error, so that results can be piped."""
    print(text, file=sys.stderr, flush=True)


def number(value: float | None) -> str:
    """A value for people, ``–`` where there is none."""
    return "–" if value is None else f"{value:.6g}"


def combination_text(params: Mapping[str, Any]) -> str:
    """A combination in one line: ``lr=0.003 units=64``."""
    from automl_core.space import brief

    return " ".join(f"{name}={brief(value, 4)}" for name, value in params.items())


def plural(count: int, word: str) -> str:
    """``1 trial``, ``2,000 trials``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
