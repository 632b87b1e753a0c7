"""A reason of many lines is told by the line that says most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.results.headline import LONGEST, headline

TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    main()
    ~~~~^^
  File "train.py", line 5, in main
    raise ValueError("bad units: 7")
ValueError: bad units: 7"""

CHAINED = f"""\
{TRACEBACK}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 12, in <module>
    save()
OSError: [Errno 28] No space left on device"""


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("", ""),
        ("lost", "lost"),
        (f"exit code 1. Its last lines:\nepoch=1 loss=0.3\n{TRACEBACK}", "ValueError: bad units: 7"),
        (f"exit code 1. Its last lines:\n{CHAINED}", "OSError: [Errno 28] No space left on device"),
        # a message of several lines, and what is printed after it
        (f"exit code 1. Its last lines:\n{TRACEBACK}\nmore of the message\nbye", "ValueError: bad units: 7"),
        # the beginning of the traceback is beyond the last lines that are kept
        (
            "exit code 1. Its last lines:\n  File \"/x/t.py\", line 3, in f\n    g()\nKeyError: 'lr'",
            "KeyError: 'lr'",
        ),
        (
            "exit code 1. Its last lines:\n[rank0]: Traceback (most recent call last):\n"
            '[rank0]:   File "t.py", line 3, in f\n[rank0]: torch.OutOfMemoryError: CUDA out of memory\n[rank0]: bye',
            "torch.OutOfMemoryError: CUDA out of memory",
        ),
        (
            "exit code 2. Its last lines:\nusage: t.py [--lr LR]\nt.py: error: unrecognized arguments: --rl 0.1",
            "t.py: error: unrecognized arguments: --rl 0.1",
        ),
        (
            "exit code 2. Its last lines:\npython: can't open file '/x/nope.py': [Errno 2] No such file or directory",
            "python: can't open file '/x/nope.py': [Errno 2] No such file or directory",
        ),
        (
            'exit code 1. Its last lines:\n  File "t.py", line 1\n    import =\n           ^\nSyntaxError: invalid',
            "SyntaxError: invalid",
        ),
        (
            "exit code 1. Its last lines:\nepoch=1 loss=0.4\nepoch=2 loss=0.3",
            "exit code 1; it printed last: epoch=2 loss=0.3",
        ),
        ("exit code 1. It printed nothing.", "exit code 1. It printed nothing."),
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
    assert headline("\n".join(lines)) == "ExceptionGroup: two (2 sub-exceptions)"


@given(st.text(max_size=2000))
def test_a_headline_is_one_line_of_what_was_said(reason: str) -> None:
    line = headline(reason)
    assert len(line) <= LONGEST
    assert len(line.splitlines()) <= 1
    assert bool(line) == bool(reason.strip())
