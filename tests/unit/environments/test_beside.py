"""The environment of a lock file that lies beside the file which names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.environments import EnvironmentProblem
from automl_core.environments.beside import environment_beside
from automl_core.environments.shelf import Shelf
from automl_core.spec.environment import Environment
from automl_core.spec.lock_files import Lock, LockError


def nobody(line: str) -> None:
    raise AssertionError(line)


def test_without_one_nothing_is_made(tmp_path: Path) -> None:
    with environment_beside(None, tmp_path, tmp_path, say=nobody) as found:
        assert found is None


def test_a_lock_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"own\.txt"), environment_beside(
        Environment(lock="own.txt"), tmp_path, tmp_path, say=nobody
    ):  # fmt: skip
        pass


def test_it_is_held_for_as_long_as_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.txt").write_text("tiny-lib==1.2\n")
    released: list[str] = []

    class Held:
        python = tmp_path / "env" / "bin" / "python"

        def release(self) -> None:
            released.append("released")

    def ensure(self: Shelf, lock: Lock, python: str | None, **_: object) -> Held:
        assert [each.name for each in lock.pins] == ["tiny-lib"]
        return Held()

    monkeypatch.setattr(Shelf, "ensure", ensure)
    with environment_beside(Environment(lock="own.txt"), tmp_path, tmp_path, say=nobody) as found:
        assert (found, released) == (tmp_path / "env", [])
    assert released == ["released"]
    with pytest.raises(EnvironmentProblem), environment_beside(
        Environment(lock="own.txt"), tmp_path, tmp_path, say=nobody
    ):  # fmt: skip
        raise EnvironmentProblem("an evaluation that failed")
    assert released == ["released"] * 2
