"""The templates that come with the product: their files are valid, and say what their programs do."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from automl_core.templates.checking import check_template
from tests.sources import ROOT
from tests.support.programs import TEMPLATES, diabetes, write
from tests.support.real_texts import languages_of_airflow

SHIPPED = sorted(path.parent for path in TEMPLATES.glob("*/*/template.yaml"))
TRAINED = [folder for folder in SHIPPED if (folder / "train.py").exists()]
EXTRA = {
    "lightgbm": "lightgbm", "xgboost": "xgboost", "catboost": "catboost", "mlp-classification": "mlp",
    "mlp-regression": "mlp", "text-classification": "text", "image-classification": "image",
    "text-transformer": "transformer", "table-classification": "tabular", "table-regression": "tabular",
    "series-forecasting": "series",
}  # fmt: skip
"""Template → the extra that brings its libraries."""


def name_of(folder: Path) -> str:
    return folder.parent.name


def test_all_that_the_product_promises_are_there() -> None:
    assert {name_of(folder) for folder in SHIPPED} == {*EXTRA, "program"}


@pytest.mark.parametrize("folder", SHIPPED, ids=name_of)
def test_each_is_valid_by_default_and_with_all_that_it_offers(folder: Path) -> None:
    found = check_template(folder)
    assert [str(problem) for problem in found.problems] == []
    assert found.experiments or name_of(folder) == "program", "what is searched there, its user says"


@pytest.mark.parametrize("folder", TRAINED, ids=name_of)
def test_the_file_says_the_defaults_of_the_program(folder: Path) -> None:
    stated = yaml.safe_load((folder / "template.yaml").read_text(encoding="utf-8"))
    program = folder / "train.py"
    if name_of(folder).startswith("mlp-"):
        program = ROOT / "automl_core" / "training" / "mlp.py"
    assert {name: each["default"] for name, each in stated["parameters"].items()} == defaults_of(program)
    assert all(each.get("help") for each in stated["parameters"].values())
    assert any(each.get("search") is True for each in stated["parameters"].values())


@pytest.mark.parametrize("folder", TRAINED, ids=name_of)
def test_what_it_requires_is_what_its_extra_brings(folder: Path) -> None:
    stated = yaml.safe_load((folder / "template.yaml").read_text(encoding="utf-8"))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    brought = {each.name: each.specifier for each in map(Requirement, extras[EXTRA[name_of(folder)]])}
    if "xgboost-cpu" in brought:  # either will do
        brought["xgboost"] = brought.pop("xgboost-cpu")
    required = {each.name: each.specifier for each in map(Requirement, stated["requires"])}
    assert {name: each for name, each in required.items() if name != "numpy"} == {
        name: each for name, each in brought.items() if name != "numpy"
    }


def defaults_of(program: Path) -> Any:
    """The program's DEFAULTS, without its imports."""
    for node in ast.parse(program.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "DEFAULTS" and node.value is not None:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{program} has no DEFAULTS")


@pytest.mark.parametrize(
    ("template", "table", "columns", "metric"),
    [
        ("lightgbm", diabetes, {"target": "progression"}, "valid_loss"),
        ("text-classification", languages_of_airflow, {"target": "language"}, "valid_f1_macro"),
    ],
)
def test_three_lines_and_a_trial_is_trained(
    template: str, table: Any, columns: dict[str, str], metric: str, tmp_path: Path
) -> None:
    data = write(table(), tmp_path / "data.parquet")
    file, result, kept = tmp_path / "experiments" / "mine.yaml", tmp_path / "result.json", tmp_path / "kept"
    file.parent.mkdir()
    body = {"name": "mine", "template": f"{template}@1", "data": {"train": str(data)}, "columns": columns}
    file.write_text(yaml.safe_dump({**body, "output": {"storage": f"file://{tmp_path}/runs"}}), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("automl"), "try", file, "--keep", kept, "--result", result],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    judged = json.loads(result.read_text())["judged"]
    described = next(kept.rglob("model.json"))
    of_the_model = json.loads(described.read_text())["metrics"][metric]
    assert judged["value"] == pytest.approx(of_the_model, rel=1e-8), "the trial counts as its model"
    assert (described.parent / "predictions.parquet").is_file()


def test_a_program_of_ones_own_is_run_with_what_is_searched(tmp_path: Path) -> None:
    program = tmp_path / "own.py"
    program.write_text(
        "import sys, yaml\n"
        "told = yaml.safe_load(open(sys.argv[sys.argv.index('--config') + 1]))\n"
        "print(f\"epoch=1 score={told['net']['depth'] * 10 + len(open(told['data']['train']).read())}\")\n"
    )
    (tmp_path / "rows.txt").write_text("abc")
    file, result = tmp_path / "experiments" / "mine.yaml", tmp_path / "result.json"
    file.parent.mkdir()
    body = {
        "name": "mine", "template": "program@1", "data": {"program": str(program), "train": str(tmp_path / "rows.txt")},
        "goal": {"metric": "score", "direction": "maximize"},
        "space": {"net.depth": {"type": "int", "low": 1, "high": 9}},
        "output": {"storage": f"file://{tmp_path}/runs"},
    }  # fmt: skip
    file.write_text(yaml.safe_dump(body), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("automl"), "try", file, "--set", "net.depth=4", "--result", result],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert json.loads(result.read_text())["judged"]["value"] == 43


def row_of(name: str, parameter: dict[str, Any]) -> str:
    """A parameter's row in docs/templates-shipped.md."""
    kind = parameter["type"]
    if kind == "choice":
        values = ", ".join(f"`{json.dumps(each).strip(chr(34))}`" for each in parameter["values"])
    else:
        scale = {"loguniform": ", by its logarithm", "logint": ", by its logarithm"}.get(kind, "")
        power = f", powers of {parameter['power_of']}" if "power_of" in parameter else ""
        values = f"{parameter['low']:g} to {parameter['high']:g}{scale}{power}"
    if "when" in parameter:
        (other, allowed), *_ = parameter["when"].items()
        values += f"; where `{other}` is {' or '.join(f'`{each}`' for each in allowed)}"
    searched = {True: "yes", "offered": "offered", "never": "no"}[parameter["search"]]
    default = json.dumps(parameter["default"]).strip('"')
    return f"| `{name}` | {values} | `{default}` | {searched} | {parameter['help']} |"


@pytest.mark.parametrize("folder", TRAINED, ids=name_of)
def test_the_docs_have_each_parameter(folder: Path) -> None:
    text = (ROOT / "docs" / "templates-shipped.md").read_text(encoding="utf-8")
    heading = f"\n## {name_of(folder)}\n"
    assert heading in text
    section = text.split(heading)[1].split("\n## ")[0]
    parameters = yaml.safe_load((folder / "template.yaml").read_text(encoding="utf-8"))["parameters"]
    assert [row for each in parameters if (row := row_of(each, parameters[each])) not in section] == []
    assert section.count("\n| `") == len(parameters), "and no other"
