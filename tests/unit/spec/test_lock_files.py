"""Lock files taken apart: what pins a package, and what would mean something else tomorrow or elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.lock_files import LockError, Pin, lock_problems, parse_lock, read_lock
from tests.sources import ROOT

INDEX = "--" + "index-url"


def test_packages_hashes_markers_comments_and_continued_lines() -> None:
    lock = parse_lock(
        f"# made by uv\n{INDEX} https://mirror.example.com/simple\nNumPy==2.3.0 \\\n    --hash=sha256:aa \\\n"
        "    --hash=sha256:bb\n    # via x\nscipy[extra] == 1.15.2 ; python_version < '3.12'  # note\n"
        "a_b.c @ https://example.com/a.whl\n\n",
        "requirements.txt",
    )
    assert lock.pins == (
        Pin("numpy", "NumPy==2.3.0", 3), Pin("scipy", "scipy==1.15.2", 7),
        Pin("a-b-c", "a_b.c @ https://example.com/a.whl", 8),
    )  # fmt: skip
    assert lock.hashed
    assert lock.place(lock.pins[1]) == "requirements.txt line 7: scipy==1.15.2"
    assert parse_lock("a==1\r\nb==2").text == "a==1\nb==2\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("numpy>=2", "allows several versions"),
        ("numpy==2.*", "allows several versions"),
        ("numpy", "pinned to no version"),
        ("-r others.txt", "compile them into one"),
        ("-c others.txt", "compile them into one"),
        ("-e .", "no place in a lock file"),
        ("./numpy-2-py3-none-any.whl", "a place on one machine"),
        ("numpy @ file:///srv/numpy.whl", "a place on one machine"),
        ("automl_core[tabular]==0.1.0", "the very code that runs"),
        (f"{INDEX} https://user:secret@example.com/simple", "PIP_INDEX_URL"),
        ("x @ https://token@example.com/x.whl", "PIP_INDEX_URL"),
    ],
)
def test_what_is_no_lock(line: str, words: str) -> None:
    with pytest.raises(LockError, match="line 2") as caught:
        parse_lock(f"fine==1\n{line}\n")
    (problem,) = caught.value.problems
    assert words in problem
    assert "secret" not in problem
    assert "token@" not in problem


def test_every_problem_is_told() -> None:
    with pytest.raises(LockError, match=r"line 1.*\(and 1 more\)") as caught:
        parse_lock("a>1\nb==2\nc>3\n")
    assert len(caught.value.problems) == 2


@given(st.text(max_size=200))
def test_any_text_is_a_lock_or_refused(text: str) -> None:
    try:
        lock = parse_lock(text)
    except LockError:
        return
    assert lock.pins
    assert parse_lock(lock.text) == lock


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "there is no file" in lock_problems(tmp_path / "no.txt")[0]
    (tmp_path / "empty.txt").touch()
    assert lock_problems(tmp_path / "empty.txt") == ("it names no package",)
    (tmp_path / "latin.txt").write_bytes(b"a==1 # \xe9\n")
    assert "UTF-8" in lock_problems(tmp_path / "latin.txt")[0]
    assert "can't be read" in lock_problems(tmp_path)[0]


def test_the_repositorys_own_are_some() -> None:
    named = {ROOT / "requirements-label-studio.txt"}  # one server's release; it resolves what it brings along by itself
    for path in {*ROOT.glob("requirements*.txt"), *ROOT.glob("templates/*/*/requirements.txt")} - named:
        assert len(read_lock(path).pins) > 10
