"""What becomes of parameters that are no numbers, of what can't be searched, and of couplings."""

from __future__ import annotations

import random
from typing import Any

import pytest

from automl_core.space import Space
from automl_core.tao.parameters import parameters_of
from automl_core.tao.schema import leaves_of
from automl_core.templates.model import METADATA
from automl_core.templates.within import model_of


def read(**leaves: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return parameters_of(leaves_of({"properties": leaves})).known


def one(**leaf: Any) -> dict[str, Any]:
    return read(x=leaf)["x"]


def drawn(raw: dict[str, Any], count: int = 200) -> list[Any]:
    plain = {key: each for key, each in raw.items() if key not in METADATA}
    space, rng = Space.from_models({"x": model_of(plain)}), random.Random(3)
    return [space.sample(rng)["x"] for _ in range(count)]


def test_subset_lists_are_some_of_their_options() -> None:
    options = ["q_proj", "k_proj", "v_proj"]
    raw = one(type="subset_list", enum=options, default=["v_proj", "q_proj"], automl_enabled=True)
    assert raw["type"] == "subset"
    assert raw["default"] == ["q_proj", "v_proj"]
    assert raw["search"] is True
    found = drawn(raw)
    assert {len(each) for each in found} == {1, 2, 3}, "never none of them"
    assert all(set(each) <= set(options) for each in found)
    assert 0 in {len(each) for each in drawn(one(type="optional_list", enum=["visual"], default=[]))}


def test_decay_steps_are_ascending_epochs_none_twice() -> None:
    found = read(
        steps={"type": "list_2", "default": [45, 35], "automl_enabled": True}, num_epochs={"type": "int", "default": 80}
    )["steps"]
    assert found["default"] == [35, 45]
    for each in drawn(found):
        assert each == sorted(set(each))
        assert all(isinstance(epoch, int) and 1 <= epoch <= 80 for epoch in each)
        assert 2 <= len(each) <= 6


def test_sizes_of_pictures_are_multiples_of_16_between_half_and_all() -> None:
    sizes = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]
    raw = one(type="list_2", default=sizes)
    assert raw["default"] == sizes
    assert raw["search"] == "offered"
    for each in drawn(raw):
        assert all(size % 16 == 0 and 400 <= size <= 800 for size in each)


@pytest.mark.parametrize("kind", ["list", "list_1_backbone", "list_1_normal", "list_3"])
def test_other_lists_are_set_and_not_searched(kind: str) -> None:
    raw = one(type=kind, default=[15, 15])
    assert raw == {"type": "fixed", "value": [15, 15], "free": "list", "search": "never"}


def test_options_keep_their_weights_and_their_kind() -> None:
    raw = one(type="categorical", enum=["linear", "sqrt"], option_weights=[0.1, 0.4], default="linear")
    assert raw == {
        "type": "choice", "values": ["linear", "sqrt"], "weights": [0.1, 0.4], "default": "linear", "search": "offered"
    }  # fmt: skip
    raw = one(type="ordered_int", enum=[50, 18, 34], option_weights=[1, 2, 3], default=18)
    assert (raw["type"], raw["values"], raw["weights"]) == ("ordinal", [18, 34, 50], [2.0, 3.0, 1.0])
    raw = one(type="float", enum=["0.5", "0.25"], default=0.5)
    assert (raw["type"], raw["values"]) == ("ordinal", [0.25, 0.5]), "options of a float are numbers, not text"
    raw = one(anyOf=[{"type": "boolean"}, {"type": "string"}], enum=["true", "false", "eva"], default=True)
    assert (raw["values"], raw["default"]) == ([True, False, "eva"], True)
    assert one(type="categorical", enum=["a", "b", "a"], default="a")["values"] == ["a", "b"]


def test_weights_that_fit_no_options_are_told() -> None:
    raw = one(type="categorical", enum=["a", "b"], option_weights=[1], default="a")
    assert "weights" not in raw
    assert raw["description"] == "1 weights for 2 options: all are equally likely"


def test_a_default_that_is_no_option_is_told() -> None:
    raw = one(type="categorical", enum=["Dataset"], default="CLDataset", automl_enabled=True)
    assert "default" not in raw
    assert "'CLDataset' is none of its options" in raw["description"]


def test_marks_of_an_enum_are_no_part_of_a_value() -> None:
    leaves = leaves_of({"properties": {"kind": {"type": "string", "enum": ["__L1__", "__L2__"], "default": "__L2__"}}})
    found = parameters_of(leaves)
    assert found.enums == ["kind"]
    assert (found.known["kind"]["values"], found.known["kind"]["default"]) == (["L1", "L2"], "L2")


@pytest.mark.parametrize(("enabled", "search"), [(True, True), (None, "offered"), (False, "never")])
def test_what_is_searched(enabled: bool | None, search: bool | str) -> None:
    more = {} if enabled is None else {"automl_enabled": enabled}
    assert one(type="float", default=0.5, minimum=0, maximum=1, **more)["search"] == search


def test_what_another_action_reads_is_offered_and_not_searched_by_default() -> None:
    leaf = {"type": "bool", "default": True, "automl_enabled": True}
    leaves = leaves_of({"properties": {each: {"type": "collection", "properties": {"x": leaf}}
                                       for each in ("distill", "quantize", "train", "model")}})  # fmt: skip
    found = {name: raw["search"] for name, raw in parameters_of(leaves).known.items()}
    assert found == {"distill.x": "offered", "quantize.x": "offered", "train.x": True, "model.x": True}
    distilled = parameters_of(leaves, "distill").known
    assert (distilled["distill.x"]["search"], distilled["train.x"]["search"]) == (True, True)
    assert parameters_of(leaves, "quantize").known["train.x"]["search"] == "offered"


def test_text_and_mappings_are_set_and_not_searched() -> None:
    assert one(type="string", default="/x")["free"] == "text"
    assert one(type="dict", default={"a": 1}) == {
        "type": "fixed", "value": None, "free": "any", "search": "never",
        "description": "give it in spec_file.base: it is a mapping",
    }  # fmt: skip
    assert one(type="float")["free"] == "number", "without a default there is no range"


def test_names_that_a_spec_file_has_for_something_else_are_left() -> None:
    leaves = leaves_of({"properties": {"data": {"type": "collection", "properties": {"x": {"type": "int"}}},
                                       "budget": {"type": "int", "default": 1}}})  # fmt: skip
    found = parameters_of(leaves)
    assert not found.known
    assert set(found.left) == {"data.x", "budget"}


def test_a_bound_leaves_room_whatever_its_parent_is() -> None:
    found = read(
        soft={"type": "float", "default": 0.1, "minimum": 0, "maximum": 1, "depends_on": "< annealing"},
        annealing={"type": "float", "default": 0.7, "minimum": 0, "maximum": 1},
    )
    assert found["soft"]["below"] == "annealing"
    plain = {name: {k: v for k, v in raw.items() if k not in METADATA} for name, raw in found.items()}
    space, rng = Space.from_models({name: model_of(raw) for name, raw in plain.items()}), random.Random(0)
    for _ in range(500):
        params = space.sample(rng)
        assert 0 <= float(str(params["soft"])) < float(str(params["annealing"])) <= 1
