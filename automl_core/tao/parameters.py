"""A network's parameters as a template has them, from TAO's metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl_core.spec.lists import MOST_NUMBERS, MOST_OPTIONS
from automl_core.spec.numeric import same
from automl_core.spec.relations import NAME_PATTERN, RESERVED_GROUPS, RESERVED_NAMES
from automl_core.tao.conditions import condition_of, parent_of
from automl_core.tao.ranges import range_of
from automl_core.tao.schema import Leaf

BLOCKS = frozenset({
    "dataset_convert", "distill", "evaluate", "export", "gen_trt_engine", "inference", "prune", "quantize", "retrain",
    "train",
})  # fmt: skip
"""Groups of a schema that one action alone reads (`tao_automl.search_space.params` of 7.2.0)."""

TRAINING = frozenset({"distill", "retrain", "train"})
"""Actions that read the group ``train`` beside their own."""

STEP = 16
"""Pixels of which the sizes of pictures are multiples (`tao_automl.brain` of 7.2.0)."""

EPOCHS = "num_epochs"


@dataclass(slots=True)
class Parameters:
    """What became of a schema.

    Attributes:
        known: name → parameter, as under ``parameters:`` of a template.
        left: name → why a template has no such parameter.
        enums: names of those whose options are values of an enum, in the language of protocol buffers.
    """

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    enums: list[str] = field(default_factory=list)


def parameters_of(leaves: Mapping[str, Leaf], action: str = "train") -> Parameters:
    """Read all of a network's parameters.

    Args:
        leaves: of its schema.
        action: whose parameters are searched.
    """
    found = Parameters()
    names = {name: _without_marks(leaf) for name, leaf in leaves.items()}
    found.enums = [name for name, leaf in leaves.items() if leaf.options and names[name].options != leaf.options]
    for name, leaf in names.items():
        why = _why_left(name)
        if why:
            found.left[name] = why
            continue
        raw, notes = _parameter(leaf, names)
        raw["search"] = _searched(leaf, raw, action)
        if leaf.help:
            raw["help"] = leaf.help
        if notes:
            raw["description"] = "; ".join(notes)
        found.known[name] = raw
    for name in names:
        _cap(name, found.known)
    for leaf in names.values():
        _couple(leaf, parent_of(leaf, names), found.known)
    return found


_MARKED = re.compile(r"__(.+)__")


def _without_marks(leaf: Leaf) -> Leaf:
    """A parameter whose options are without the marks that values of an enum have in the metadata: ``__L1__``."""

    def plain(value: Any) -> Any:
        match = _MARKED.fullmatch(value) if isinstance(value, str) else None
        return match[1] if match else value

    return replace(leaf, options=tuple(map(plain, leaf.options)), default=plain(leaf.default))


def _why_left(name: str) -> str:
    if name.split(".", 1)[0] in RESERVED_GROUPS:
        return "a spec file has something else under this name; give it in spec_file.base"
    if name in RESERVED_NAMES or not re.fullmatch(NAME_PATTERN, name):
        return "no name that a parameter can have; give it in spec_file.base"
    return ""


def _searched(leaf: Leaf, raw: Mapping[str, Any], action: str) -> bool | str:
    """Whether it is searched by default, can be, or never is."""
    if leaf.enabled is False or raw["type"] == "fixed":
        return "never"
    block = leaf.name.split(".", 1)[0]
    own = {action, "train"} if action in TRAINING else {action}
    if leaf.enabled is None or leaf.default is None or (block in BLOCKS and block not in own):
        return "offered"
    return True


def _parameter(leaf: Leaf, names: Mapping[str, Leaf]) -> tuple[dict[str, Any], list[str]]:
    """Type, limits, options and default; and what was done, in words."""
    if leaf.options:
        return _options(leaf)
    if leaf.type in ("int", "float"):
        found = range_of(leaf)
        if found.parameter is None:
            return _free(leaf, "number"), found.notes
        bounds = {"bounds": found.bounds} if found.bounds is not None else {}
        return {**found.parameter, **bounds}, found.notes
    if leaf.type == "bool":
        return _with_default({"type": "choice", "values": [True, False]}, leaf.default, [True, False]), []
    if leaf.type == "list_2" and leaf.enabled is not False:
        numbers = _sorted_list(leaf, names)
        if numbers is not None:
            return numbers
    if leaf.type.startswith(("list", "subset", "optional")):
        return _free(leaf, "list"), _said(leaf, "a list has no range in the metadata")
    if leaf.type == "string":
        return _free(leaf, "text"), _said(leaf, "text without options has nothing to search")
    notes = ["give it in spec_file.base: it is a mapping"] if leaf.type == "dict" else []
    return _free(leaf, "any"), notes


def _said(leaf: Leaf, words: str) -> list[str]:
    return [words] if leaf.enabled else []


def _free(leaf: Leaf, kind: str) -> dict[str, Any]:
    """One that can be set to any value of a kind."""
    value = leaf.default if _is_plain(leaf.default) else None
    return {"type": "fixed", "value": value, "free": kind}


def _is_plain(value: Any) -> bool:
    """Whether a value is one that a parameter of type ``fixed`` can have."""
    members = value if isinstance(value, list) else [value]
    return all(each is None or isinstance(each, bool | int | float | str) for each in members)


def _with_default(raw: dict[str, Any], default: Any, options: list[Any]) -> dict[str, Any]:
    return {**raw, "default": default} if any(same(each, default) for each in options) else raw


def _options(leaf: Leaf) -> tuple[dict[str, Any], list[str]]:
    """One of several values, or some of them."""
    values = _distinct(leaf)
    if len(values) > MOST_OPTIONS or not all(_is_plain(each) and not isinstance(each, list) for each in values):
        return _free(leaf, "any"), ["its options are none that can be searched"]
    notes = []
    weights = {"weights": list(leaf.weights)} if len(leaf.weights) == len(values) == len(leaf.options) else {}
    if leaf.weights and not weights:
        notes.append(f"{len(leaf.weights)} weights for {len(leaf.options)} options: all are equally likely")
    if leaf.type in ("subset_list", "optional_list", "list"):
        return _subset(leaf, values, weights)
    numbers = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
    kind = "choice"
    if len(numbers) == len(values) > 1 and leaf.type in ("int", "float"):
        kind, order = "ordinal", sorted(range(len(values)), key=lambda index: values[index])
        values = [values[index] for index in order]
        weights = {"weights": [weights["weights"][index] for index in order]} if weights else {}
    raw = _with_default({"type": kind, "values": values, **weights}, leaf.default, values)
    if "default" not in raw and leaf.default is not None:
        notes.append(f"its default {leaf.default!r} is none of its options, so nothing is tried first")
    return raw, notes


def _distinct(leaf: Leaf) -> list[Any]:
    """Its options, each once; numbers and booleans that the metadata have as text are what they are."""
    numeric = leaf.type == "float" or (isinstance(leaf.default, float) and leaf.type == "categorical")
    found: list[Any] = []
    for option in leaf.options:
        value: Any = option
        if isinstance(option, str) and numeric:
            value = _number(option)
        elif isinstance(option, str) and isinstance(leaf.default, bool) and option.lower() in ("true", "false"):
            value = option.lower() == "true"
        if not any(same(value, each) for each in found):
            found.append(value)
    return found


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _subset(leaf: Leaf, values: list[Any], weights: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    least = 1 if leaf.type == "subset_list" else 0
    raw: dict[str, Any] = {"type": "subset", "values": values, "min": least, **weights}
    default = leaf.default
    notes = ["some of its options, each once"]
    if isinstance(default, list) and len(default) >= least and all(each in values for each in default):
        raw["default"] = [each for each in values if each in default]
    return raw, notes


def _sorted_list(leaf: Leaf, names: Mapping[str, Leaf]) -> tuple[dict[str, Any], list[str]] | None:
    """The epochs at which something drops, or sizes of pictures: ascending whole numbers."""
    default = leaf.default
    if not isinstance(default, list) or not default or len(default) > MOST_NUMBERS:
        return None
    if not all(isinstance(each, int) and not isinstance(each, bool) and each > 0 for each in default):
        return None
    length = {"min_length": min(3, len(default)), "max_length": max(6, len(default)), "whole": True}
    ordered = sorted(set(default))
    if "step" in leaf.name.rsplit(".", 1)[-1] or leaf.name.endswith("milestones"):
        last = max(_epochs(leaf, names), ordered[-1], length["max_length"])
        notes = [f"ascending epochs from 1 to {last}, none twice"]
        raw = {"type": "sorted_list", "low": 1, "high": last, **length, "bounds": {"low": 1}}
        return (raw | {"default": ordered} if len(ordered) >= length["min_length"] else raw), notes
    high = ordered[-1] // STEP * STEP
    low = -(-ordered[-1] // 2 // STEP) * STEP
    if (high - low) // STEP + 1 < length["max_length"]:
        return None
    notes = [f"ascending multiples of {STEP} from {low} to {high}: half of its largest, and all of it"]
    raw = {"type": "sorted_list", "low": low, "high": high, "multiple_of": STEP, **length, "bounds": {"low": STEP}}
    fits = len(ordered) == len(default) and all(each % STEP == 0 and low <= each <= high for each in ordered)
    return (raw | {"default": ordered} if fits else raw), notes


def _epochs(leaf: Leaf, names: Mapping[str, Leaf]) -> int:
    """How many epochs the training has by default."""
    groups = leaf.name.split(".")[:-1]
    for depth in range(len(groups), -1, -1):
        other = names.get(".".join([*groups[:depth], EPOCHS]))
        if other is not None and isinstance(other.default, int):
            return other.default
    return 0


def _couple(leaf: Leaf, parent: str, known: dict[str, dict[str, Any]]) -> None:
    """Bounds by another parameter: those that the metadata state, and those that TAO has in code."""
    raw = known.get(leaf.name)
    if raw is None or "low" not in raw or raw["type"] == "sorted_list":
        return
    field_name, more = condition_of(leaf).parent if parent else "", ""
    if leaf.name.rsplit(".", 1)[-1] == "num_select":
        beside = f"{leaf.name.removesuffix('num_select')}num_queries"
        field_name, parent = "at_most", parent or (beside if beside in known else "")
        more = _guesses(parent, known)
    other = known.get(parent)
    if not field_name or other is None or "low" not in other or other["type"] == "sorted_list":
        return
    raw[field_name] = more or parent
    _leave_room(field_name, raw, other)
    _describe(raw, f"{field_name.replace('_', ' ')} {parent}")


def _describe(raw: dict[str, Any], words: str) -> None:
    raw["description"] = "; ".join(filter(None, [raw.get("description", ""), words]))


BATCHES = ("batch_size", "batch_size_per_gpu", "train_batch_size")
"""Last words of what says how many samples a batch of the training has."""

_NOT_TRAINING = ("val", "test", "eval", "infer", "export", "gen_trt", "quantize", "prune", "distill", "ssl")


def _cap(name: str, known: dict[str, dict[str, Any]]) -> None:
    """A batch of the training has no more samples than the data set ``train``, where their number is known."""
    raw = known.get(name)
    *groups, last = name.split(".")
    if raw is None or raw["type"] not in ("int", "logint") or last not in BATCHES:
        return
    if not any(group.startswith(_NOT_TRAINING) for group in groups):
        raw["at_most"] = "data.train.rows"
        _describe(raw, "at most as many as there are samples, where that is known")


def _guesses(queries: str, known: dict[str, dict[str, Any]]) -> str:
    """As many of the best guesses as there are at most: one less than queries times classes, and no more than queries.

    `torch.topk` fails on more (`tao_automl.brain.network_utils.dino` of 7.2.0); empty without a number of classes.
    """
    classes = f"{queries.removesuffix('model.num_queries')}dataset.num_classes"
    if not queries.endswith("model.num_queries") or "low" not in known.get(classes, {}):
        return ""
    return f"max(1, min({queries}, {queries} * {classes} - 1))"


def _leave_room(field_name: str, raw: dict[str, Any], parent: dict[str, Any]) -> None:
    """Have every value of a parent leave some of what it bounds."""
    whole = parent["type"] in ("int", "logint")
    if field_name in ("below", "at_most"):
        strict = field_name == "below"
        if parent["low"] < raw["low"] or (strict and parent["low"] == raw["low"]):
            if not strict or whole:
                parent["low"] = raw["low"] + (1 if strict else 0)
            else:
                parent |= {"low": raw["low"], "above": raw["low"]}
    else:
        strict = field_name == "above"
        if parent["high"] > raw["high"] or (strict and parent["high"] == raw["high"]):
            if not strict or whole:
                parent["high"] = raw["high"] - (1 if strict else 0)
            else:
                parent |= {"high": raw["high"], "below": raw["high"]}
    if "default" in parent and not parent["low"] <= parent["default"] <= parent["high"]:
        del parent["default"]
