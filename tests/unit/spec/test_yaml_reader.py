"""YAML text becomes plain data with lines, by YAML 1.2's meaning of plain words, whatever the text."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.yaml_reader import MAX_DEPTH, MAX_VALUES, read_yaml


def data(text: str) -> Any:
    document = read_yaml(text, "x.yaml")
    assert not document.problems
    return document.data


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_yaml(text, "x.yaml").problems]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-4", 1e-4), ("1.0e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-3", -3), ("+3", 3), ("012", 12),
        ("0x1F", 31), ("0o17", 15), ("-.inf", -math.inf), ("true", True), ("False", False), ("null", None), ("~", None),
        ("", None), ("1.5.2", "1.5.2"), ("-", "-"), ("e5", "e5"),
    ],
)  # fmt: skip
def test_plain_words(word: str, value: Any) -> None:
    found = data(f"a: {word}")["a"] if word != "-" else data('a: "-"')["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "Yes", "NO", "y", "n", "12:30", "2026-01-31", "1_000"])
def test_words_that_other_readers_turn_into_something_else_stay_text(word: str) -> None:
    assert data(f"a: {word}") == {"a": word}


def test_quotes_make_text_and_tags_are_obeyed() -> None:
    assert data("""[ '1', "true", !!str 1, !!float 1, ! 2 ]""") == ["1", "true", "1", 1.0, "2"]


def test_not_a_number_is_one() -> None:
    assert math.isnan(data("[.nan]")[0])


def test_keys_are_text() -> None:
    assert data("{1: a, true: b, null: c, 1.5: d}") == {"1": "a", "true": "b", "null": "c", "1.5": "d"}


def test_anchors_aliases_and_merges() -> None:
    text = "base: &b {low: 0, high: 1}\na: {<<: *b, high: 2}\nc: *b\nd: {<<: [{low: 5}, *b]}\n"
    assert data(text) == {
        "base": {"low": 0, "high": 1}, "a": {"high": 2, "low": 0}, "c": {"low": 0, "high": 1},
        "d": {"low": 5, "high": 1},
    }  # fmt: skip


def test_every_value_knows_its_place() -> None:
    document = read_yaml("a:\n  b: [1,\n      {c: 2}]\nd: 3\n", "x.yaml")
    assert document.position(("a", "b")) == (2, 3)
    assert document.position(("a", "b", 1)) == (3, 7)
    assert document.position(("a", "b", 1, "c")) == (3, 8)
    assert document.position(("d",)) == (4, 1)


def test_the_place_of_what_is_missing_is_that_of_its_holder() -> None:
    assert read_yaml("a: 1\nb:\n  c: 2\n", "x.yaml").position(("b", "missing", "x")) == (2, 1)


def test_a_key_that_stands_twice() -> None:
    (problem,) = read_yaml("a: 1\nb: {c: 1, d: 2, c: 3}\n", "x.yaml").problems
    assert str(problem) == ("x.yaml:2: b.c: the key 'c' stands twice here, first in line 2. Remove one of them.")


def test_all_problems_of_the_text_are_found_at_once() -> None:
    found = problems("a: 1\na: 2\nb: !!python/object:os.system 1\nc: *missing\nd: !!int x\n")
    assert len(found) == 4
    assert [line.split(":")[1] for line in found] == ["2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2\nb: 3\n", "x.yaml:2: not YAML"),
        ("a:\n\tb: 1\n", "Indent with spaces"),
        ("a: b: c\n", "Put quotes around"),
        ("a: 1\n---\nb: 2\n", "a second document"),
        ("{[1, 2]: 3}", "a key must be plain text"),
        ("? *x\n: 1", "a key must be plain text"),
        ("a: &x [*x]", "holds itself"),
        ("a: {<<: 3}", "'<<' wants a mapping"),
        ("a: \x01", "a character that YAML doesn't allow"),
        ("a: " + "9" * 500, "too long"),
        ("a: !!set {b, c}", "the tag !!set is not known"),
    ],
)
def test_texts_that_are_no_yaml(text: str, words: str) -> None:
    assert words in "\n".join(problems(text))


def test_a_file_of_brackets_is_refused_before_it_is_built() -> None:
    assert f"more than {MAX_DEPTH} deep" in problems("[" * 200_000)[0]
    assert data("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


def test_aliases_can_not_blow_up() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert f"more than {MAX_VALUES:,} values" in problems(text)[0]


def test_an_empty_text_has_no_data() -> None:
    assert data("# nothing\n") is None


@given(st.text())
def test_any_text_gives_data_or_problems(text: str) -> None:
    document = read_yaml(text, "x.yaml")
    assert all(problem.line is not None and problem.message for problem in document.problems)
    assert document.problems or not document.fatal


WRITABLE = st.text(
    st.characters(codec="utf-8", exclude_characters="\x85")
)  # PyYAML writes a next-line character as a line break
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WRITABLE,
    lambda children: st.lists(children) | st.dictionaries(WRITABLE, children),
    max_leaves=20,
)


@given(PLAIN)
def test_what_a_yaml_library_writes_comes_back(value: Any) -> None:
    document = read_yaml(yaml.safe_dump(value, allow_unicode=True), "x.yaml")
    if isinstance(value, dict) and "<<" in str(value):
        return  # a key of that name is a merge
    assert not document.problems
    assert document.data == value
