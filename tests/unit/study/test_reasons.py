"""The one line that says why: whatever the training is written in, and however its reason was recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.study.reasons import LONGEST, error_line, headline, with_error

GO = [
    "panic: runtime error: index out of range [5] with length 3", "", "goroutine 1 [running]:",
    "main.main()", "\t/tmp/x/main.go:8 +0x1d", "exit status 2",
]  # fmt: skip
JAVA = ['Exception in thread "main" java.lang.IllegalStateException: no data', "\tat Train.main(Train.java:5)"]
CHAINED = [
    "Traceback (most recent call last):", "KeyError: 'a'", "", "During handling of the above exception:",
    "Traceback (most recent call last):", "train.data.NoDataError: not found", "epoch=3 loss=0.5",
]  # fmt: skip

TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    main()
    ~~~~^^
  File "train.py", line 5, in main
    raise ValueError("bad units: 7")
ValueError: bad units: 7"""

CHAINED_TEXT = f"""\
{TRACEBACK}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 12, in <module>
    save()
OSError: [Errno 28] No space left on device"""


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


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("", ""),
        ("lost", "lost"),
        (f"exit code 1. Its last lines:\nepoch=1 loss=0.3\n{TRACEBACK}", "exit code 1: ValueError: bad units: 7"),
        (f"exit code 1. Its last lines:\n{CHAINED_TEXT}", "exit code 1: OSError: [Errno 28] No space left on device"),
        # a message of several lines, and what is printed after it
        (
            f"exit code 1. Its last lines:\n{TRACEBACK}\nmore of the message\nbye",
            "exit code 1: ValueError: bad units: 7",
        ),
        # the beginning of the traceback is beyond the last lines that are kept
        (
            "exit code 1. Its last lines:\n  File \"/x/t.py\", line 3, in f\n    g()\nKeyError: 'lr'",
            "exit code 1: KeyError: 'lr'",
        ),
        (
            "exit code 1. Its last lines:\n[rank0]: Traceback (most recent call last):\n"
            '[rank0]:   File "t.py", line 3, in f\n[rank0]: torch.OutOfMemoryError: CUDA out of memory\n[rank0]: bye',
            "exit code 1: torch.OutOfMemoryError: CUDA out of memory",
        ),
        (
            "exit code 2. Its last lines:\nusage: t.py [--lr LR]\nt.py: error: unrecognized arguments: --rl 0.1",
            "exit code 2: t.py: error: unrecognized arguments: --rl 0.1",
        ),
        (
            "exit code 2. Its last lines:\npython: can't open file '/x/nope.py': [Errno 2] No such file or directory",
            "exit code 2: python: can't open file '/x/nope.py': [Errno 2] No such file or directory",
        ),
        (
            'exit code 1. Its last lines:\n  File "t.py", line 1\n    import =\n           ^\nSyntaxError: invalid',
            "exit code 1: SyntaxError: invalid",
        ),
        (
            "exit code 1. Its last lines:\nepoch=1 loss=0.4\nepoch=2 loss=0.3",
            "exit code 1; it printed last: epoch=2 loss=0.3",
        ),
        ("exit code 1. It printed nothing.", "exit code 1. It printed nothing"),
        # what says more than the training's own lines
        (f"it took longer than 10m. Its last lines:\n{TRACEBACK}", "it took longer than 10m"),
        (
            "goal.metric: 'val_loss' was never reported. Seen: loss\nLast lines of the log:\n  | loss=0.3",
            "goal.metric: 'val_loss' was never reported. Seen: loss",
        ),
        ("out of memory (limit 2Gi); its last lines:\nepoch=1 loss=0.4", "out of memory (limit 2Gi)"),
        (TRACEBACK, "ValueError: bad units: 7"),
    ],
)
def test_the_line_that_says_most_is_found(reason: str, wanted: str) -> None:
    assert headline(reason) == wanted


def test_an_exception_group_is_told_by_its_own_line() -> None:
    lines = [
        "exit code 1. Its last lines:",
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "t.py", line 1, in <module>',
        "  |     raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])",
        "  | ExceptionGroup: two (2 sub-exceptions)",
        "  +-+---------------- 1 ----------------",
        "    | ValueError: a",
        "    +---------------- 2 ----------------",
        "    | KeyError: 'b'",
    ]
    assert headline("\n".join(lines)) == "exit code 1: ExceptionGroup: two (2 sub-exceptions)"


@given(st.text(max_size=2000))
def test_a_headline_is_one_line_of_what_was_said(reason: str) -> None:
    line = headline(reason)
    assert len(line) <= LONGEST
    assert len(line.splitlines()) <= 1
    assert bool(line) == bool(reason.strip())


@pytest.mark.parametrize(
    ("what", "lines", "line"),
    [
        ("exit code 127: a command in it was not found", ["sh: 1: trian: not found"],
         "exit code 127: a command in it was not found: sh: 1: trian: not found"),
        ("ended by signal 6 (SIGABRT, aborted)", ["terminate called", "  what():  std::bad_alloc: error"],
         "ended by signal 6 (SIGABRT, aborted): what(): std::bad_alloc: error"),
        ("killed by signal 9 (SIGKILL), probably because memory ran out", ["epoch=1 loss=0.4"],
         "killed by signal 9 (SIGKILL), probably because memory ran out"),
        ("ran past its time limit of 10m and was ended (ended by signal 15 (SIGTERM))", ["an error"],
         "ran past its time limit of 10m and was ended (ended by signal 15 (SIGTERM))"),
        ("exit code 3", [], "exit code 3"),
    ],
)  # fmt: skip
def test_what_an_end_says_little_of_is_told_by_the_error(what: str, lines: list[str], line: str) -> None:
    assert with_error(what, lines) == line
