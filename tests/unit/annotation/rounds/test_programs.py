"""Programs that people bring: run under a deadline, each line that they write looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core.annotation.rounds.mapping import NotUsable
from automl_core.annotation.rounds.programs import read_lines, run_program
from automl_core.annotation.rounds.reach import Reach
from tests.unit.annotation.rounds.world import CLASSES, file_of

IDS = ["i1", "i2", "i3"]

ENGINE = """
import json, os, sys
assert "AIRFLOW__CORE__FERNET_KEY" not in os.environ
print("one line for the log")
with open(sys.argv[1]) as items, open(sys.argv[2], "w") as out:
    for line in items:
        item = json.loads(line)
        sure = 0.8 if "buy" in item["item"]["text"] else 0.4
        out.write(json.dumps({"id": item["id"], "label": os.environ["SAYS"], "confidence": sure}) + "\\n")
"""


def run(root: Path, command: Any, timeout: str = "60s", said: list[str] | None = None) -> tuple[Any, list[str]]:
    program = {"name": "engine", "family": "rules", "command": command, "timeout": timeout, "env": {"SAYS": "order"}}
    file = file_of(root, models=[{"experiment": "trees"}, program])
    reach = Reach(lambda name: None, folder=root, say=(said if said is not None else []).append)  # type: ignore[arg-type, return-value]
    contents = [{"text": "buy it"}, {"text": "hello"}, {"text": "buy \N{SNOWMAN}"}]
    return run_program(file.programs[0], file, IDS, contents, reach, root / "work")


def test_a_program_is_run_in_the_folder_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    (tmp_path / "engine.py").write_text(ENGINE)
    said: list[str] = []
    found, notes = run(tmp_path, ["python", "engine.py", "${items}", "${out}"], said=said)
    assert np.allclose(found, [[0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]])
    assert notes == []
    assert said == ["one line for the log"]


@pytest.mark.parametrize(
    ("command", "timeout", "words"),
    [
        (["python", "-c", "import time; time.sleep(60)", "${items}", "${out}"], "300ms", "took longer than 0.3 s"),
        (["python", "-c", "raise SystemExit('no licence')", "${items}", "${out}"], "60s", "no licence"),
        (["python", "-c", "pass", "${items}", "${out}"], "60s", "without a result"),
        (["no-such-program", "${items}", "${out}"], "60s", "does not start"),
        ("true ${items}; echo nonsense > ${out}", "60s", "line 1: no JSON"),
    ],
)  # fmt: skip
def test_a_program_that_fails_is_left_out_and_says_why(tmp_path: Path, command: Any, timeout: str, words: str) -> None:
    with pytest.raises(NotUsable, match=words):
        run(tmp_path, command, timeout)


def read(root: Path, *lines: Any) -> tuple[Any, list[str]]:
    path = root / "out.jsonl"
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return read_lines("engine", path, IDS, CLASSES)


GOOD = {"id": "i1", "probabilities": {"order": 0.5, "refund": 0.5}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "no JSON"), ("[]", "no object"), ({"id": "i9", "label": "order", "confidence": 1}, "'i9' is no item"),
        ({"id": "i2"}, "neither probabilities nor label"), ({"id": "i2", "probabilities": {}}, "an object of classes"),
        ({"id": "i2", "probabilities": {"ordre": 1}}, "'ordre' is no class"),
        ({"id": "i2", "probabilities": {"order": 0.7}}, "sum to 0.7"),
        ({"id": "i2", "probabilities": {"order": True}}, "no number from 0 to 1"),
        ({"id": "i2", "label": "order", "confidence": 1.5}, "no number from 0 to 1"),
        ('{"id": "i2", "label": "order", "confidence": NaN}', "no number from 0 to 1"), (GOOD, "a second time"),
    ],
)  # fmt: skip
def test_a_line_with_a_fault_leaves_its_item_open_and_no_other(tmp_path: Path, line: Any, words: str) -> None:
    found, notes = read(tmp_path, GOOD, line, {"id": "i3", "label": "other", "confidence": 0.9})
    assert np.allclose(found[0], [0.5, 0.5, 0])
    assert np.isnan(found[1]).all()
    assert np.allclose(found[2], [0.05, 0.05, 0.9])
    assert words in notes[0]
    assert "line 2: " in notes[0]
    assert "nothing of 1 of 3 items" in notes[1]
    with pytest.raises(NotUsable, match="no predictions that can be read"):
        read(tmp_path, line, line, line, GOOD) if line is not GOOD else read(tmp_path)
