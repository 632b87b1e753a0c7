"""The beginning of docs/annotation.md: what it says to type works, on a folder of texts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from automl_core.annotation.agreement import Promise
from automl_core.annotation.file import load_annotation_file
from automl_core.annotation.file.ahead import least_for_promise
from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.forecast import forecast
from tests.sources import ROOT
from tests.unit.annotation.file.files import file_of
from tests.unit.cli.conftest import Automl

PAGE = (ROOT / "docs" / "annotation.md").read_text(encoding="utf-8")
HEAD = PAGE[: PAGE.index("\n## Selection")]


def commands() -> list[list[str]]:
    """What its consoles say, but for the demonstration: each as words."""
    blocks = re.findall(r"```console\n(.*?)```", HEAD, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines if "make demo" not in line]


def test_a_folder_of_texts_becomes_a_project(automl: Automl, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "experiments" / "digits.yaml").unlink()
    (home / "letters" / "2026").mkdir(parents=True)
    for number in range(3):
        (home / "letters" / "2026" / f"{number}.txt").write_text(f"Where is parcel {number}?\nGrüße")
    monkeypatch.chdir(home)
    script = re.search(r"```python\n(.*?)```", HEAD, re.DOTALL)
    assert script is not None
    exec(compile(script[1], "docs/annotation.md", "exec"), {})
    new, validate, preview = commands()
    for words in (new, validate, preview):
        assert words[0] == "automl"
        said = automl(*words[1:])
        assert said.code == 0, said.out + said.err
        assert "warning" not in said.out
    assert "messages.jsonl: 3 rows" in said.out
    file = load_annotation_file(home / "experiments" / "intents.annotation.yaml")
    assert file.labels.classes == ["order", "delivery", "refund", "other"]
    assert (file.items.columns, file.items.key, file.people.who) == (["text"], "id", ["anna", "ben"])
    for each in file.experiments:
        assert (home / "experiments" / f"{each.experiment}.yaml").is_file()
        assert f"`{each.experiment}.yaml`" in HEAD


def test_its_numbers_are_those_of_the_defaults() -> None:
    file: AnnotationFile = file_of()
    found = forecast(file)
    assert f"a round is {found.round.items} items, {found.round.random} of them drawn at random" in HEAD
    assert file.promise is not None
    assert f"not before {least_for_promise(file.promise.accuracy, file.promise.confidence)} random ones" in HEAD
    ratio = least_for_promise(0.9, 0.95) / least_for_promise(Promise().accuracy, 0.95)
    assert 0.25 < ratio < 0.4, "`agree: {accuracy: 90%}` takes a third of the labels"
