"""Work in a process of its own: its results, or the words of why there are none."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from automl_core.backends import apart


def run(folder: Path, code: str, timeout: float = 60.0, **more: object) -> None:
    apart.run(
        [sys.executable, "-c", code], folder, what="the work", results=("out.txt",), timeout=timeout, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_results_lie_in_the_folder_and_lines_are_heard(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "out.txt").write_text("of an earlier process")
    (tmp_path / apart.PROBLEM).write_text('{"problem": "of an earlier process"}')
    run(tmp_path, "print('half'); open('out.txt', 'w').write('42')", say=said.append)
    assert (tmp_path / "out.txt").read_text() == "42"
    assert said == ["half"]


@pytest.mark.parametrize(
    ("code", "timeout", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 60.0, "without a result: .*SIGKILL"),
        ("raise SystemExit('a last word')", 60.0, "its last line: a last word"), ("pass", 60.0, "it said nothing"),
        ("import signal; signal.pause()", 0.3, "took longer than 0.3 s"),
    ],
)  # fmt: skip
def test_how_it_ended_is_said(tmp_path: Path, code: str, timeout: float, words: str) -> None:
    with pytest.raises(apart.NotDone, match=words):
        run(tmp_path, code, timeout)


def test_what_nobody_wants_any_more_is_ended(tmp_path: Path) -> None:
    with pytest.raises(apart.NotDone, match="nobody wants it any more"):
        run(tmp_path, "import signal; signal.pause()", wanted=lambda: False)


def test_a_program_leaves_its_results_or_its_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def serve(work: object, refused: tuple[type[Exception], ...] = (ValueError,)) -> int:
        return apart.serve([str(tmp_path)], work, module="m", what="it", refused=refused)  # type: ignore[arg-type]

    assert serve(lambda folder: {"a": b"1", "b": folder.name.encode()}) == 0
    assert (tmp_path / "b").read_text() == tmp_path.name

    def fails(folder: Path) -> dict[str, bytes]:
        raise ValueError(f"{folder.name} is no good")

    assert serve(fails) == apart.FAILED
    assert json.loads((tmp_path / apart.PROBLEM).read_text()) == {"problem": f"{tmp_path.name} is no good"}
    assert apart.problem_in(tmp_path) == f"{tmp_path.name} is no good"
    with pytest.raises(ValueError, match="no good"):
        serve(fails, refused=(OSError,))
    assert apart.serve([], fails, module="m", what="it") == 2
    assert "usage: python -m m FOLDER" in capsys.readouterr().err
