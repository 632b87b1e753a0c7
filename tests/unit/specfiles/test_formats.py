"""What is written in each format is read back, by real readers of it, as the same values."""

from __future__ import annotations

import json
import math
import tomllib
from functools import cache
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, text_format
from hypothesis import example, given
from hypothesis import strategies as st

from automl_core.spec.yaml_reader import read_yaml
from automl_core.specfiles.formats import dump

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=20)
AWKWARD = st.sampled_from(
    ["", "yes", "NO", "on", "y", "n", "null", "~", "1e3", "1e-5", "0123", "0o17", "0x1F", "12:30", "1_000", ".5", "5.",
     "2026-11-29", ".inf", "nan", "<<", "=", "!x", "&a", "*a", "- a", "a: b", "a #b", "'", '"', "\\", "#", "?", "|",
     ">", "%", "@", "`", "true", "+1",
     "-", "--- ", "...", " a", "a ",
     "a\nb", "\t", "\x7f", "\x00", "\u2028", "\x85", "é"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e-5, 1e16, 1e22, 5e-324, -0.0, 1.0, 1e100, 0.1, 123456789.123456789]),
)
SCALARS = st.one_of(NUMBERS, st.booleans(), TEXT, AWKWARD)
KEYS = st.one_of(AWKWARD, TEXT).filter(lambda key: key != "<<")  # our own reader merges a quoted one too


def trees(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    inner = st.recursive(
        scalars, lambda child: st.one_of(st.lists(child, max_size=3), st.dictionaries(KEYS, child, max_size=3)),
        max_leaves=8,
    )  # fmt: skip
    return st.dictionaries(KEYS, inner, max_size=4)


def same(a: Any, b: Any) -> bool:
    """Equal, of the same types: 1 is not 1.0, and 0.0 not -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return bool(a == b)


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_none(child) for key, child in value.items() if child is not None}
    return [without_none(child) for child in value] if isinstance(value, list) else value


@given(trees(st.one_of(SCALARS, st.none())))
@example({"on": 1e-5, "x": "1e-5"})
def test_yaml_is_the_same_to_readers_of_1_1_and_of_1_2(body: dict[str, Any]) -> None:
    text = dump("yaml", body)
    assert same(yaml.safe_load(text), body)  # YAML 1.1
    document = read_yaml(text, "spec.yaml")  # the core schema of YAML 1.2
    assert not document.problems
    assert same(document.data, body)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_yaml_and_toml_have_numbers_that_are_not_finite_and_json_refuses_them(value: float) -> None:
    assert same(yaml.safe_load(dump("yaml", {"a": value})), {"a": value})
    assert same(tomllib.loads(dump("toml", {"a": value})), {"a": value})
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump("json", {"a": value})


@given(trees(st.one_of(SCALARS, st.none())))
def test_json(body: dict[str, Any]) -> None:
    assert same(json.loads(dump("json", body)), body)


@given(trees(SCALARS))
def test_toml(body: dict[str, Any]) -> None:
    assert same(tomllib.loads(dump("toml", body)), body)


@given(st.dictionaries(KEYS, st.one_of(SCALARS, st.none(), st.dictionaries(KEYS, st.none(), max_size=2))))
def test_toml_leaves_out_what_it_has_no_word_for(body: dict[str, Any]) -> None:
    assert same(tomllib.loads(dump("toml", body)), without_none(body))


def test_toml_refuses_null_in_a_list_and_integers_that_readers_need_not_take() -> None:
    with pytest.raises(ValueError, match=r"a\.b: TOML has no null"):
        dump("toml", {"a": {"b": [1, None]}})
    with pytest.raises(ValueError, match="beyond the 64 bits"):
        dump("toml", {"a": 2**63})


# --- protocol buffers, read by their own library -------------------------------------------------

_FIELDS = {"d": "DOUBLE", "i": "INT64", "b": "BOOL", "s": "STRING", "e": "ENUM", "m": "MESSAGE"}


@cache
def message_type() -> Any:
    """A message with each kind of field, once and repeated."""
    file = descriptor_pb2.FileDescriptorProto(name="spec.proto", package="t", syntax="proto2")
    kind = file.enum_type.add(name="Kind")
    for number, name in enumerate(("NONE", "L1", "L2")):
        kind.value.add(name=name, number=number)
    message = file.message_type.add(name="M")
    for number, (name, type_name) in enumerate(_FIELDS.items(), 1):
        for repeated in (False, True):
            field = message.field.add(name=name + "s" * repeated, number=number + 20 * repeated)
            field.type = getattr(field, f"TYPE_{type_name}")
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if type_name in ("ENUM", "MESSAGE"):
                field.type_name = ".t.Kind" if type_name == "ENUM" else ".t.M"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.M"))


_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "d": st.floats(allow_nan=False), "i": st.integers(-(2**63), 2**63 - 1), "b": st.booleans(),
    "s": st.one_of(TEXT, AWKWARD), "e": st.sampled_from(["NONE", "L1", "L2"]),
}  # fmt: skip
_FLAT = {**_SCALARS, **{f"{name}s": st.lists(each, min_size=1, max_size=3) for name, each in _SCALARS.items()}}
MESSAGES = st.recursive(
    st.fixed_dictionaries({}, optional=_FLAT),
    lambda child: st.fixed_dictionaries(
        {}, optional={**_FLAT, "m": child, "ms": st.lists(child, min_size=1, max_size=2)}
    ),
    max_leaves=4,
)


def enums_in(body: Any, above: str = "") -> set[str]:
    if isinstance(body, list):
        return {each for child in body for each in enums_in(child, above)}
    if not isinstance(body, dict):
        return set()
    return {above + name for name in ("e", "es") if name in body} | {
        each for name in ("m", "ms") if name in body for each in enums_in(body[name], f"{above}{name}.")
    }


def read(message: Any) -> dict[str, Any]:
    """A message as plain data, enums by their names."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():

        def one(each: Any, field: Any = field) -> Any:
            if field.message_type is not None:
                return read(each)
            return field.enum_type.values_by_number[each].name if field.enum_type is not None else each

        repeated = field.name.endswith("s") and field.name != "s"
        found[field.name] = [one(each) for each in value] if repeated else one(value)
    return found


@given(MESSAGES)
def test_protobuf_text(body: dict[str, Any]) -> None:
    text = dump("prototxt", body, enums=frozenset(enums_in(body)))
    assert same(read(text_format.Parse(text, message_type()())), body)


def test_protobuf_text_that_is_not_a_message_is_refused() -> None:
    with pytest.raises(ValueError, match="a-b: no name of a field"):
        dump("prototxt", {"a-b": 1})
    with pytest.raises(ValueError, match="a: a repeated field can't hold list"):
        dump("prototxt", {"a": [[1]]})
    with pytest.raises(ValueError, match="'l 1' is no value of an enum"):
        dump("prototxt", {"e": "l 1"}, enums=frozenset({"e"}))
    assert dump("prototxt", {"a": None, "b": {"c": None}}) == "b {\n}\n"


def test_a_map_field_is_a_repeated_message_with_key_and_value() -> None:
    text = dump("prototxt", {"fields": [{"key": "car", "value": {"string_value": "automobile"}}]})
    from google.protobuf import struct_pb2

    assert json_format.MessageToDict(text_format.Parse(text, struct_pb2.Struct())) == {"car": "automobile"}
