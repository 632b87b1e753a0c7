"""Waiting in a trigger for a store that is away."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import waiting
from automl_airflow.threads import Threads
from automl_airflow.waiting import Trouble, until_done
from automl_core.storage.base import StorageUnavailable
from tests.sources import ROOT


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, text: str, *args: Any) -> None:
        self.lines.append(text % args)

    info = warning


def test_it_is_said_once_that_a_store_is_away_and_once_that_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand triggers that each said it at each try would fill the log that they share, and hold one another up."""
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 0.0)
    tries: list[int] = []

    def read() -> str:
        tries.append(1)
        if len(tries) < 30:
            raise StorageUnavailable("the bucket is away")
        return "read"

    log = Log()
    assert asyncio.run(until_done(read, log=log, threads=Threads("store", 1))) == "read"
    assert len(tries) == 30
    assert [line.split(",")[0] for line in log.lines] == [
        "the store can't be reached",
        "the store can be reached again",
    ]
    assert "the bucket is away" in log.lines[0]


def test_what_is_done_at_once_is_no_news() -> None:
    log = Log()

    async def find() -> str:
        return "found"

    assert asyncio.run(until_done(find, log=log, threads=Threads("store", 1))) == "found"
    assert log.lines == []


def test_trouble_is_said_once_in_a_while_and_once_that_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Log()

    async def troubled() -> None:
        trouble = Trouble(lines)  # type: ignore[arg-type]
        trouble.is_over("never told")
        for _ in range(30):
            trouble.is_there("100% away")
        trouble.is_over("back")
        trouble.is_over("told already")
        trouble.is_there("away anew")
        monkeypatch.setattr(waiting, "TELL_EVERY", 0.0)
        trouble.is_there("away still")

    asyncio.run(troubled())
    assert lines.lines == ["100% away", "back", "away anew", "away still"]


PLUGINS = ROOT / "plugins" / "automl_airflow"


def written_at_once(path: Path) -> list[str]:
    """Where triggers of a file hand Airflow's own logger to anything but a `TaskLog`, as line numbers and classes."""
    tree = ast.parse(path.read_text())
    found = []
    for cls in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        if not any(ast.unparse(base).endswith("Trigger") for base in cls.bases):
            continue
        kept = {
            id(given) for call in ast.walk(cls) if isinstance(call, ast.Call) and ast.unparse(call.func) == "TaskLog"
            for given in call.args
        }  # fmt: skip
        found += [
            f"{path.name}:{node.lineno} ({cls.name})" for node in ast.walk(cls)
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "self.log" and id(node) not in kept
        ]  # fmt: skip
    return found


def test_no_trigger_writes_into_airflows_log_by_itself(tmp_path: Path) -> None:
    """A write waits while the triggerer's one socket for logs is full, and with it the event loop of all triggers."""
    bad = tmp_path / "bad.py"
    bad.write_text("class X(BaseTrigger):\n  async def run(self):\n    self.log.info('x')\n    f(TaskLog(self.log))\n")
    assert written_at_once(bad) == ["bad.py:3 (X)"]
    files = [path for path in PLUGINS.rglob("*.py") if "Trigger)" in path.read_text()]
    assert len(files) >= 10
    assert [each for path in files for each in written_at_once(path)] == []
