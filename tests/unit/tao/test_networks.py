"""Network by network: the default search is that of NVIDIA's package, and every suggestion keeps what it says."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from automl_core.space import Space
from automl_core.spec.expressions import names_in
from automl_core.tao.conditions import condition_of, parent_of
from automl_core.tao.parameters import parameters_of
from automl_core.tao.schema import leaves_of
from automl_core.templates import parse_experiment
from automl_core.templates.checking import check_template
from automl_core.templates.places import Places
from tests.sources import ROOT
from tests.support.tao_networks import folder_of, leaves, recorded, schema_of

NETWORKS = tuple(recorded())

NOT_SEARCHED = {("classification_tf2", "train.reg_config.type")}
"""Searched by default in the package, and there is nothing to search: text without options."""

TYPES = {
    "int": {"int", "logint"}, "float": {"uniform", "loguniform"}, "bool": {"choice"}, "categorical": {"choice"},
    "ordered_int": {"ordinal"}, "list_2": {"sorted_list"},
}  # fmt: skip

SEARCH_NOTHING = {"analytics", "annotations", "augmentation", "clip", "image", "mal", "skin_tone", "vila"}


def test_a_batch_is_no_larger_than_the_data(tmp_path: Path) -> None:
    folder_of("dino", tmp_path)

    def batch(data: str) -> Any:
        text = f"name: e\ntemplate: tao/dino@1\ndata: {{train: {data}}}\n"
        return parse_experiment(text, "e.yaml", Places((tmp_path,))).space["dataset.batch_size"]

    assert batch("{place: /coco, rows: 6}").at_most == "data.train.rows"
    assert batch("/coco.parquet").at_most == "data.train.rows"
    assert batch("/coco").at_most is None, "nobody counts pictures in a folder"
    capped = {
        name for network in NETWORKS for name, raw in parameters_of(leaves(network)).known.items()
        if raw.get("at_most") == "data.train.rows"
    }  # fmt: skip
    assert {"dataset.batch_size", "dataset.train_dataset.batch_size"} <= capped
    assert not [name for name in capped if "val" in name or "test" in name or "eval" in name]


def test_the_page_says_how_many_parameters_each_has() -> None:
    page = (ROOT / "docs" / "tao.md").read_text(encoding="utf-8")
    for network in NETWORKS:
        kinds = [raw["search"] for raw in parameters_of(leaves(network)).known.values()]
        counts = [kinds.count(kind) for kind in (True, "offered", "never")]
        row = f"| `{network}` | {counts[0] or '–'} | {counts[1]} | {counts[2]} |"
        assert row in page, f"docs/tao.md: {row}"


def test_there_are_forty_networks_and_two_aliases() -> None:
    assert len(NETWORKS) == 42
    assert {name for name in NETWORKS if not recorded()[name]["search"]} == SEARCH_NOTHING
    searched = sum(len(each["search"]) for name, each in recorded().items() if not name.startswith("depth_net_"))
    assert searched == 316


def bounds_of(raw: dict[str, Any]) -> dict[str, float]:
    """The limits up to which an experiment may go."""
    return raw["bounds"] if "bounds" in raw else {"low": raw["low"], "high": raw["high"]}


def stated_bounds(record: dict[str, Any]) -> dict[str, float]:
    """The package's, with what its condition says: `> 0` is 1 at least where numbers are whole."""
    sides = (("low", record["valid_min"]), ("high", record["valid_max"]))
    found = {key: side for key, side in sides if side not in ("", None) and math.isfinite(float(side))}
    if record["math_cond"].replace(" ", "") in (">0", ">0.0"):
        least = 1 if record["value_type"] == "int" else 0.0
        found["low"] = max(found.get("low", least), least)
    return found


@pytest.mark.parametrize("network", NETWORKS)
def test_the_default_search_is_the_packages(network: str) -> None:
    known = parameters_of(leaves(network)).known
    expected = {each["parameter"]: each for each in recorded()[network]["search"]}
    searched = {name for name, raw in known.items() if raw["search"] is True}
    assert searched == set(expected) - {name for of, name in NOT_SEARCHED if of == network}
    for name in searched:
        raw, record = known[name], expected[name]
        assert raw["type"] in TYPES[record["value_type"]], name
        assert raw["default"] == record["default_value"], name
        if record["value_type"] in ("int", "float"):
            assert bounds_of(raw) == stated_bounds(record), name
            assert raw["low"] <= raw["default"] <= raw["high"], name
        if record["valid_options"]:
            assert sorted(map(str, raw["values"])) == sorted(map(str, record["valid_options"])), name
        assert raw.get("weights") == (record["option_weights"] or None), name


@pytest.mark.parametrize("network", NETWORKS)
def test_its_template_is_valid_and_so_is_every_suggestion(network: str, tmp_path: Path) -> None:
    checked = check_template(folder_of(network, tmp_path))
    assert not checked.problems
    known = leaves_of(schema_of(network))
    assert checked.template is not None
    offered = any(each.searched == "offered" for each in checked.template.parameters.values())
    assert len(checked.experiments) == (network not in SEARCH_NOTHING) + offered
    for experiment, _ in checked.experiments:
        space = Space.from_models(experiment.space)
        rng = random.Random(7)
        defaults = space.defaults()
        for params in [space.sample(rng) for _ in range(50)] + ([defaults] if defaults is not None else []):
            assert space.problem(params) is None
            for name, value in params.items():
                for broken in broken_words(known, name, value, params):
                    raise AssertionError(f"{name}={value}: {broken}")


def broken_words(known: Any, name: str, value: Any, params: Any) -> list[str]:
    """What of the metadata a value breaks, read here from the metadata themselves."""
    leaf, found = known[name], []
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [] if not leaf.options or isinstance(value, list | bool) or value in leaf.options else ["no option"]
    if leaf.minimum is not None and value < leaf.minimum:
        found.append("below its minimum")
    if leaf.maximum is not None and value > leaf.maximum:
        found.append("above its maximum")
    condition, parent = condition_of(leaf), parent_of(leaf, known)
    if condition.above is not None and not value > condition.above and value != leaf.default:
        found.append("not above")
    if condition.unequal == value:
        found.append("equal")
    if condition.power_of and value not in [condition.power_of**n for n in range(1, 40)]:
        found.append("no power")
    if condition.multiple_of and value % condition.multiple_of:
        found.append("no multiple")
    if condition.parent == "above" and parent in params and not value > params[parent]:
        found.append("not above its parent")
    queries = name.replace("num_select", "num_queries")
    if queries != name and queries in params and value > params[queries]:
        found.append("more than num_queries")
    return found


@pytest.mark.parametrize(
    "network", ["dino", "deformable_detr", "grounding_dino", "mask_grounding_dino", "rtdetr", "auto_label"]
)
def test_num_select_is_bound_by_num_queries_whether_that_is_searched_or_not(network: str, tmp_path: Path) -> None:
    checked = check_template(folder_of(network, tmp_path))
    prefix = "grounding_dino." if network == "auto_label" else ""
    select, queries = f"{prefix}model.num_select", f"{prefix}model.num_queries"
    for experiment, _ in checked.experiments:
        space = experiment.space
        assert queries in space, "one that is not searched is there all the same, with its default"
        assert queries in names_in(space[select].at_most)


@pytest.mark.parametrize("network", ["dino", "deformable_detr", "rtdetr"])
def test_with_one_class_there_is_a_guess_less_than_there_are_queries(network: str, tmp_path: Path) -> None:
    folder_of(network, tmp_path)
    more = "set: {model.num_queries: 100}\nspec_file: {base: {dataset: {num_classes: 1}}}\n"
    experiment = parse_experiment(f"name: e\ntemplate: tao/{network}@1\n{more}", "e.yaml", Places((tmp_path,)))
    assert experiment.space["dataset.num_classes"].value == 1, "as the base has it"
    space, rng = Space.from_models(experiment.space), random.Random(0)
    drawn = [int(str(space.sample(rng)["model.num_select"])) for _ in range(400)]
    assert 90 < max(drawn) <= 99
