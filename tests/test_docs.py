"""The pages of docs/ say what the code does: every key, type and default, and every example in them is valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from automl_core.annotation.file import AnnotationFile, parse_annotation_document
from automl_core.backends.contract import TrialContext, environment
from automl_core.models.evaluation import tests as regression
from automl_core.models.file import ModelFile, parse_model_document
from automl_core.search import registry
from automl_core.spec import (
    code,
    custom_resource,
    datasets,
    goal,
    kubernetes,
    maxcompute,
    metrics,
    models,
    parameters,
    placement,
    pod_lanes,
    predictions,
    queueing,
    spec_files,
    tasks,
    template,
    tracking,
)
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.environment import Environment
from automl_core.spec.loader import parse_experiment
from automl_core.spec.relations import RESERVED_NAMES
from automl_core.spec.yaml_reader import read_yaml
from automl_core.templates import parse_experiment as from_template
from automl_core.templates.checking import check_template
from automl_core.templates.model import METADATA, TemplateFile
from automl_core.templates.places import Places
from tests.sources import ROOT
from tests.support.tao_networks import folder_of
from tests.support.template_folders import make_template

PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
FILE_PAGE, SPACE_PAGE = PAGES["experiment-file.md"], PAGES["search-space.md"]

RULES = (
    models.MedianRule, models.BanditRule, models.TruncationRule, models.PatienceRule, models.LearningCurveRule,
)  # fmt: skip

TABLES: dict[str, tuple[type[BaseModel], frozenset[str]]] = {
    "## Experiment": (models.Experiment, frozenset()),
    "### template": (template.TemplateVersion, frozenset()),
    "## output": (models.Output, frozenset()),
    "## goal": (goal.Goal, frozenset()),
    "### Several objectives": (goal.Objective, frozenset()),
    "### Constraints": (goal.Constraint, frozenset()),
    "## search": (models.Search, frozenset()),
    "### transfer": (models.Transfer, frozenset()),
    "## data and columns": (datasets.DataSet, frozenset()),
    "## trials": (models.Trials, frozenset()),
    "### budget": (models.Budget, frozenset()),
    "### canary": (models.Canary, frozenset()),
    "## stop": (models.Stop, frozenset()),
    "### no_improvement": (models.NoImprovement, frozenset()),
    "## spec_file": (spec_files.SpecFile, frozenset()),
    "## code": (code.Code, frozenset()),
    "## environment": (Environment, frozenset()),
    "## tasks": (tasks.LocalTask, frozenset()),
    "`source: stdout`": (metrics.StdoutMetrics, frozenset()),
    "`source: json`": (metrics.JsonMetrics, frozenset()),
    "`source: tao`": (metrics.TaoMetrics, frozenset()),
    "`source: tensorboard`": (metrics.TensorBoardMetrics, frozenset()),
    "## The training task": (kubernetes.KubernetesTask, frozenset(tasks.TaskBase.model_fields)),
    "### resources": (kubernetes.PodResources, frozenset()),
    "`gpu`": (kubernetes.Gpus, frozenset()),
    "### secrets": (kubernetes.SecretVariable, frozenset()),
    "### volumes": (kubernetes.Volume, frozenset()),
    "### storage_mount": (kubernetes.StorageMount, frozenset()),
    "### artifacts": (kubernetes.Artifacts, frozenset()),
    "### tolerations": (kubernetes.Toleration, frozenset()),
    "### lane": (pod_lanes.Lane, frozenset()),
    "### memory_limit_on_oom": (kubernetes.MemoryGrowth, frozenset()),
    "### pending": (kubernetes.Pending, frozenset()),
    "### prices": (kubernetes.Prices, frozenset()),
    "### security": (kubernetes.Security, frozenset()),
    "### kueue": (queueing.Kueue, frozenset()),
    "## The custom resource": (custom_resource.CustomResourceTask, frozenset(tasks.TaskBase.model_fields)),
    "### success, failure": (custom_resource.ResourceState, frozenset()),
    "### pods": (custom_resource.ResourcePods, frozenset()),
    "## The task in MaxCompute": (maxcompute.MaxComputeTask, frozenset(tasks.TaskBase.model_fields) - {"metrics"}),
    "### statements": (maxcompute.Statement, frozenset()),
    "The query of `source: select`": (maxcompute.SelectMetrics, frozenset(maxcompute.RowMetrics.model_fields)),
    "The table of `source: table`": (maxcompute.TableMetrics, frozenset(maxcompute.RowMetrics.model_fields)),
    "### tables": (maxcompute.TrialTables, frozenset()),
    "### temporary": (maxcompute.TemporaryTables, frozenset()),
    "### model": (maxcompute.TrialModel, frozenset()),
    "### prices of MaxCompute": (maxcompute.MaxComputePrices, frozenset()),
    "## predict": (predictions.Predict, frozenset()),
    "## schedule": (models.Schedule, frozenset()),
    "## airflow": (placement.Placement, frozenset()),
    "## mlflow": (tracking.Mlflow, frozenset()),
    "## alerts": (models.Alerts, frozenset()),
    **{
        f"`rule: {rule.model_fields['rule'].annotation.__args__[0]}`": (  # type: ignore[union-attr]
            rule, frozenset({"rule", *models.EarlyStoppingBase.model_fields})
        )
        for rule in RULES
    },
}  # fmt: skip
"""Where a table begins → the model whose keys it has, and those that another table has for it."""


def rows_after(page: str, start: str) -> list[list[str]]:
    """The cells of the first table after a line that begins with ``start``, without its head."""
    lines = page[re.search(f"^{re.escape(start)}", page, re.MULTILINE).start() :].splitlines()  # type: ignore[union-attr]
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def named(cell: str) -> set[str]:
    """What stands in backticks in a cell."""
    return set(re.findall(r"`([^`]+)`", cell))


def shown_default(field: FieldInfo) -> set[str]:
    """How a table may show a field's default."""
    if field.is_required():
        return {"**required**"}
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, metrics.StdoutMetrics):
        return {"`{source: stdout}`"}
    if isinstance(value, BaseModel):
        return {"all defaults"}
    if value is None:
        return {"`null`"}
    if isinstance(value, float):
        return {f"`{value:g}`"}
    if value == {}:
        return {"`{}`"}
    if isinstance(value, list):
        return {f"`[{', '.join(value)}]`"}
    return {f"`{value}`" if value != "" else '`""`'}


@pytest.mark.parametrize("start", TABLES)
def test_every_key_is_there_with_its_default(start: str) -> None:
    model, elsewhere = TABLES[start]
    page = next(text for text in PAGES.values() if re.search(f"^{re.escape(start)}", text, re.MULTILINE))
    rows = {next(iter(named(row[0]))): row for row in rows_after(page, start)}
    fields = {name: field for name, field in model.model_fields.items() if name not in elsewhere}
    assert set(rows) == set(fields)
    assert {name: row[2] for name, row in rows.items() if row[2] not in shown_default(fields[name])} == {}


def test_every_group_of_the_file_has_its_table() -> None:
    def below(model: type[BaseModel]) -> set[type[BaseModel]]:
        found = {model}
        for field in model.model_fields.values():
            for part in parts(field.annotation):
                found |= below(part)
        return found

    def parts(annotation: Any) -> set[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return set() if issubclass(annotation, parameters.ParameterModel) else {annotation}
        return {part for argument in getattr(annotation, "__args__", ()) for part in parts(argument)}

    assert below(models.Experiment) == {model for model, _ in TABLES.values()}


def test_what_every_rule_has_stands_in_one_table() -> None:
    rows = {next(iter(named(row[0]))): row[2] for row in rows_after(FILE_PAGE, "### early_stopping")}
    assert rows == {"rule": "**required**", "interval": "`1`", "delay": "`0`"}


def test_every_algorithm_with_its_options() -> None:
    rows = {next(iter(named(row[0]))): row for row in rows_after(FILE_PAGE, "### Algorithms")}
    assert set(rows) == set(registry.names())
    for name, row in rows.items():
        algorithm = registry.algorithm_class(name)
        assert named(row[2]) == set(algorithm.options_model.model_fields), name
        assert ("with a budget:" in row[1]) is algorithm.uses_budget, name


def test_the_trial_contract() -> None:
    rows = rows_after(FILE_PAGE, "### What training code sees")
    placeholders = {name.strip("${}") for row in rows for name in named(row[0])}
    assert placeholders == RESERVED_NAMES | set(RUN_DATES) | {"data.NAME", "columns.ROLE"}
    optional = {"resume_from": "f", "bundle_dir": "b", "prepared_dir": "p", "trials_file": "t"}
    optional |= {"spec_file": "s", "code_dir": "d"}
    owner = {"attempt_id": "i", "owner_file": "o"}
    dates = dict.fromkeys(RUN_DATES, "2026-11-01")
    inputs = {"data": {"name": "d"}, "columns": {"role": "r"}, "goal": {"metric": "m"}}
    context = TrialContext("e", "r", 0, 1, {"a": 1}, "c", "m", budget=3, dates=dates, **optional, **owner, **inputs)
    assert {name for row in rows for name in named(row[1])} == set(environment(context))


def test_every_parameter_type_with_its_fields() -> None:
    rows = {next(iter(named(row[0]))): named(row[1]) for row in rows_after(SPACE_PAGE, "## Types")}
    assert set(rows) == set(parameters.PARAMETER_TYPES)
    shared = {*parameters.Ranged.model_fields, "type"} - {"low", "high"}
    union = parameters.Parameter.__origin__.__args__  # type: ignore[attr-defined]
    for model in union:
        name = model.model_fields["type"].annotation.__args__[0]
        assert rows[name] == set(model.model_fields) - shared, name


def test_constraints_and_what_every_type_has() -> None:
    text = SPACE_PAGE[SPACE_PAGE.index("Every type also has:") :]
    common = {next(iter(named(row[0]))) for row in rows_after(text, "Every type also has:")}
    constraints = {next(iter(named(row[0]))) for row in rows_after(SPACE_PAGE, "## Constraints")}
    assert common == set(parameters.ParameterBase.model_fields)
    believed = {next(iter(named(row[0]))) for row in rows_after(SPACE_PAGE, "## What you believe")}
    assert constraints == set(parameters.Ranged.model_fields) - common - {"low", "high", "prior"}
    assert believed == set(parameters.Prior.model_fields)


def test_every_key_of_a_template_is_there() -> None:
    page = PAGES["templates.md"]
    rows = {name for row in rows_after(page, "| key | type | default | meaning |") for name in named(row[0])}
    assert rows == set(TemplateFile.model_fields)
    fields = {name for row in rows_after(page, "| field | meaning |") for name in named(row[0])}
    assert fields == set(METADATA) | {"help"}


def test_reserved_names_are_named() -> None:
    paragraph = SPACE_PAGE[SPACE_PAGE.index("A name may not be one") :].split("\n\n")[0]
    assert named(paragraph) - {"${…}"} == RESERVED_NAMES


REST = {
    "name": "example",
    "goal": {"metric": "auc", "direction": "maximize"},
    "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
    "tasks": [{"command": ["true"]}],
}
"""What an example that shows one group of the file leaves out."""

REST_OF_MODEL = {
    "kind": "model", "name": "example", "candidates": {"experiments": ["example"]}, "evaluate": {"data": "x.csv"},
}  # fmt: skip
"""The same of a model's file."""

OF_MODELS = set(ModelFile.model_fields) - set(models.Experiment.model_fields)
"""Keys that only a model's file has, its kind among them."""

REST_OF_ANNOTATION = {
    "kind": "annotation", "name": "example", "items": {"data": "x.csv"}, "labels": {"classes": ["a", "b"]},
    "models": [{"experiment": "example", "families": 2}],
}  # fmt: skip
"""The same of an annotation project's file."""

OF_ANNOTATIONS = set(AnnotationFile.model_fields) - set(models.Experiment.model_fields) - set(ModelFile.model_fields)
"""Keys that only an annotation project's file has."""

EXAMPLES = [
    pytest.param(block, id=f"{name}-{number}")
    for name, page in {**PAGES, "README.md": (ROOT / "README.md").read_text(encoding="utf-8")}.items()
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_examples_are_valid(block: str, tmp_path: Path) -> None:
    body = read_yaml(block, "example.yaml").data
    if isinstance(body, list):  # a file of regression tests
        regression.tests_of(body)
        return
    if "parameters" in body:
        assert check_template(make_template(tmp_path, block).folder).problems == []
        return
    if set(body) & OF_ANNOTATIONS:
        parse_annotation_document(yaml.safe_dump({**REST_OF_ANNOTATION, **body}), "example.yaml")
        return
    if set(body) & OF_MODELS:
        parse_model_document(yaml.safe_dump({**REST_OF_MODEL, **body}), "example.yaml")
        return
    if isinstance(body.get("template"), str):  # of those that come with the product, or of NVIDIA's package
        network, _, version = body["template"].removeprefix("tao/").partition("@")
        if int(version) > 1:
            folder_of(network, tmp_path, int(version))
        from_template(block, "example.yaml", Places((*Places.of().folders, tmp_path)))
        return
    parse_experiment(yaml.safe_dump({**REST, **read_yaml(block, "example.yaml").data}), "example.yaml")


@pytest.mark.parametrize("page", [*PAGES, "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / "docs" / page
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert not [target for target in targets if "://" not in target and not (path.parent / target).exists()]


def test_the_readme_names_each_page_once() -> None:
    """Branches that each add a page and are merged leave the list several times over."""
    more = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## More\n")[2]
    links = re.findall(r"\]\(([^)]+)\)", more)
    assert sorted(links) == sorted(set(links))
    missing = {name for name in PAGES if f"docs/{name}" not in links and not name.startswith(("series-", "tables-"))}
    assert missing == set(), "pages of series and tables are parts of one that is named"
