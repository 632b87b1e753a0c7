"""The one line that says why: whatever the training is written in, and however its reason was recorded."""

from __future__ import annotations

import pytest

from automl_core.study.reasons import error_line, headline

GO = [
    "panic: runtime error: index out of range [5] with length 3", "", "goroutine 1 [running]:",
    "main.main()", "\t/tmp/x/main.go:8 +0x1d", "exit status 2",
]  # fmt: skip
JAVA = ['Exception in thread "main" java.lang.IllegalStateException: no data', "\tat Train.main(Train.java:5)"]
CHAINED = [
    "Traceback (most recent call last):", "KeyError: 'a'", "", "During handling of the above exception:",
    "Traceback (most recent call last):", "train.data.NoDataError: not found", "epoch=3 loss=0.5",
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (CHAINED, "train.data.NoDataError: not found"),
        (['  File "t.py", line 1', "    def f(:", "SyntaxError: invalid syntax"], "SyntaxError: invalid syntax"),
        (["usage: t.py [--lr LR]", "t.py: error: unrecognized: --x 3"], "t.py: error: unrecognized: --x 3"),
        (GO, GO[0]),
        (["[rank0]: Traceback (most recent call last):", '[rank0]:   File "t.py", line 1', "[rank0]: NoData: none"],
         "NoData: none"),
        (["[worker 1] KeyError: 'a'", "[worker 0] epoch=1"], "[worker 1] KeyError: 'a'"),
        (JAVA, JAVA[0]),
        (["Error in f(x) : object 'y' not found", "Execution halted"], "Error in f(x) : object 'y' not found"),
        (["\x1b[31mfatal: \x1b[0mboom\x1b[0m", "epoch=1 loss=0.3"], "fatal: boom"),
        ([" 10%|#\r 20%|##", "bye"], "bye"),
        (["", "  "], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_line_of_the_error(lines: list[str], line: str) -> None:
    assert error_line(lines) == line


def test_it_is_cut() -> None:
    assert len(error_line(["ValueError: " + "x" * 5000])) == 300


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("exit code 1: ValueError: x. Its last lines:\nTraceback\nValueError: x", "exit code 1: ValueError: x"),
        ("exit code 1. Its last lines:\nTraceback\nValueError: x", "exit code 1: ValueError: x"),  # of earlier releases
        ("worker 1: exit code 1; its last lines:\nKeyError: 'a'", "worker 1: exit code 1: KeyError: 'a'"),
        ("exit code 2. It printed nothing.", "exit code 2. It printed nothing"),
        ("goal.metric: 'a' was never reported. Did you mean 'b'?\nLast lines of the log:\n  | b=1",
         "goal.metric: 'a' was never reported. Did you mean 'b'?"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_headline_of_a_reason(reason: str, line: str) -> None:
    assert headline(reason) == line
