"""Waiting in a trigger for a store that is away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from automl_airflow import waiting
from automl_airflow.threads import Threads
from automl_airflow.waiting import until_done
from automl_core.storage.base import StorageUnavailable


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
