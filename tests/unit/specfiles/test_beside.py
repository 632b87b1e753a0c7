"""What a spec file takes from a file beside the experiment file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automl_core.preview.checks import check_file
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.specfiles import Values, rendered
from automl_core.specfiles.beside import with_base


def experiment(folder: Path, base: str, spec: dict[str, Any] | None = None, **more: Any) -> tuple[Experiment, Path]:
    file = folder / "experiments" / "e.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        json.dumps({
            "name": "e", "goal": {"metric": "x", "direction": "minimize"},
            "space": {"a.b": {"type": "uniform", "low": 0, "high": 1}}, "tasks": [{"command": ["true"]}],
            "spec_file": {"base": base, **(spec or {})}, **more,
        }, indent=1)
    )  # fmt: skip
    return parse_experiment(file.read_text(), str(file)), file


@pytest.mark.parametrize(
    ("name", "text"),
    [("b.yaml", "a: {b: 1, c: x}\nd: 1e-5"), ("b.json", '{"a": {"b": 1, "c": "x"}, "d": 1e-5}'),
     ("b.toml", 'd = 1e-5\n[a]\nb = 1\nc = "x"')],
)  # fmt: skip
def test_it_stands_in_the_experiment_from_then_on(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found, file = experiment(tmp_path, f"../{name}")
    whole = with_base(found, file)
    assert whole.model_dump()["spec_file"]["base"] == {"a": {"b": 1, "c": "x"}, "d": 1e-5}
    (tmp_path / name).write_text("edited")
    assert with_base(whole, file) == whole


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "train.conf").write_text("lr = ${a.b}\r\n")
    found, file = experiment(tmp_path, "../train.conf", {"format": "text"})
    spec = with_base(found, file).spec_file
    assert spec is not None
    assert (spec.file_name, spec.base) == ("train.conf", None)
    assert rendered(spec, Values({"a.b": 1}, text_of=lambda name: f"<{name}>")) == "lr = <a.b>\r\n"


@pytest.mark.parametrize(
    ("name", "text", "spec", "said"),
    [
        ("b.yaml", "x: 1\na: 3\n", {}, "e.yaml:8: space.a.b: spec_file.base has 3 at 'a'"),
        ("b.yaml", "x: 1\ny: [1, '${zz}']\n", {}, "b.yaml:2: y[1]: ${zz} is not known"),
        ("b.yaml", "x: 1\ny: [1\n", {}, "b.yaml:"),
        ("b.yaml", "x: 1\ny: .nan\n", {}, "b.yaml:2: y: .nan is not a finite number"),
        ("b.yaml", "- 1\n", {}, "found a list where a mapping is wanted"),
        ("b.json", '{"a": 1,\n}', {}, "b.json:2: Illegal trailing comma|b.json:2: Expecting property name"),
        ("b.json", '{"x": NaN}', {}, "x: .nan is not a finite number"),
        ("b.toml", "a = 2026-01-01", {}, "2026-01-01 is a value that not every format has; write it as text"),
        ("b.toml", "a = ", {}, "b.toml: Invalid value"),
        ("b.ini", "a=1", {}, "b.ini: its ending is not known. Allowed: .yaml, .yml, .json, .toml"),
        ("b.txt", "one\n${zz}", {"format": "text"}, "b.txt:2: ${zz} is not known"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, name: str, text: str, spec: Any, said: str) -> None:
    (tmp_path / name).write_text(text)
    _, file = experiment(tmp_path, f"../{name}", spec)
    with pytest.raises(SpecError) as error:
        check_file(file)
    assert any(each in str(error.value) for each in said.split("|")), str(error.value)


def test_a_file_that_is_not_there_is_said_with_the_line_that_names_it(tmp_path: Path) -> None:
    found, file = experiment(tmp_path, "gone.yaml")
    with pytest.raises(SpecError, match=r"e\.yaml:22: spec_file\.base: there is no file .*gone\.yaml"):
        check_file(file)
    (tmp_path / "experiments" / "gone.yaml").write_bytes(b"\xff")
    with pytest.raises(SpecError, match="is not UTF-8"):
        with_base(found, file)
    with pytest.raises(SpecError, match="only the text of the experiment file is known"):
        with_base(found, None)


def test_a_folder_of_code_is_looked_at_when_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("")
    (tmp_path / "b.yaml").write_text("x: 1")
    _, file = experiment(tmp_path, "../b.yaml", code="../src")
    with pytest.raises(SpecError, match=r"e\.yaml:\d+: code: there is no folder .*/src"):
        check_file(file)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / ".env").write_text("")
    with pytest.raises(SpecError, match=r"code: \.env in .*a name that secrets have"):
        check_file(file)
    (tmp_path / "src" / ".env").rename(tmp_path / "src" / "train.py")
    assert check_file(file).program is not None


def test_a_message_keeps_its_enums_and_its_lines(tmp_path: Path) -> None:
    (tmp_path / "b.prototxt").write_text('a { c: L1 }\nd: "L1"\n')
    found, file = experiment(tmp_path, "../b.prototxt", {"format": "prototxt"})
    spec = with_base(found, file).spec_file
    assert spec is not None
    assert (spec.base, spec.enums) == ({"a": {"c": "L1"}, "d": "L1"}, ["a.c"])
    assert rendered(spec, Values({"a.b": 1})) == 'a {\n  c: L1\n  b: 1\n}\nd: "L1"\n'
    (tmp_path / "b.prototxt").write_text("a { c: 1 }\nd:\n'${zz}'\n")
    with pytest.raises(SpecError, match=r"b\.prototxt:3: d: \$\{zz\} is not known"):
        with_base(found, file)
    (tmp_path / "b.prototxt").write_text("a { c: 1 }\nd")
    with pytest.raises(SpecError, match=r"b\.prototxt:2: d: found 'the end'"):
        with_base(found, file)
