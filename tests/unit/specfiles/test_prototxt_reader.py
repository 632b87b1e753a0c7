"""Protocol buffers' text format is read as its own library reads it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from automl_core.specfiles.formats import dump
from automl_core.specfiles.prototxt_reader import PrototxtError, read_prototxt
from tests.unit.specfiles.test_formats import MESSAGES, enums_in, message_type

OPTIONS = st.fixed_dictionaries({
    "as_one_line": st.booleans(), "use_short_repeated_primitives": st.booleans(), "pointy_brackets": st.booleans(),
    "as_utf8": st.booleans(),
})  # fmt: skip


@given(MESSAGES, OPTIONS)
def test_what_its_library_prints_is_read_and_written_back_as_the_same_message(
    body: dict[str, Any], options: dict[str, bool]
) -> None:
    message = text_format.Parse(dump("prototxt", body, enums=frozenset(enums_in(body))), message_type()())
    found = read_prototxt(text_format.MessageToString(message, **options))
    assert found.enums == enums_in(body)
    again = dump("prototxt", found.data, enums=frozenset(found.enums))
    read = text_format.Parse(again, message_type()())
    assert text_format.MessageToString(read) == text_format.MessageToString(message)  # NaN is not NaN


TAO = """\
# of an older release
model_config {
  arch: "resnet",
  n_layers: 18
  freeze_blocks: 0  freeze_blocks: 1
}
train_config <
  optimizer { sgd { lr: 1e-2; decay: .5f nesterov: false } };
  reg_config { type: 'L' "2" scope: "Conv2D,Dense" weight_decay: 0.00005 }
  schedule: LINEAR
  sizes: [0x10, 020, -3]
  rules: [{ key: "car" value: "caf\\303\\251\\x21\\u00e9" }, { key: "b" }]
  empty: []
>
"""


def test_what_people_write() -> None:
    found = read_prototxt(TAO)
    assert found.data == {
        "model_config": {"arch": "resnet", "n_layers": 18, "freeze_blocks": [0, 1]},
        "train_config": {
            "optimizer": {"sgd": {"lr": 0.01, "decay": 0.5, "nesterov": False}},
            "reg_config": {"type": "L2", "scope": "Conv2D,Dense", "weight_decay": 5e-05},
            "schedule": "LINEAR", "sizes": [16, 16, -3],
            "rules": [{"key": "car", "value": "café!é"}, {"key": "b"}], "empty": [],
        },
    }  # fmt: skip
    assert found.enums == {"train_config.schedule"}
    assert found.position(("train_config", "reg_config", "weight_decay")) == (9, None)
    assert found.position(("train_config", "rules", 1, "key")) == (12, None)
    assert found.position(("train_config", "nothing")) == (7, None)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb 2", 2, "b: found '2' where ':' or a message is wanted"),
        ("a {\n b: 1\n", 3, "found 'the end': the name of a field is wanted"),
        ("a: 1 }", 1, "found '}'"),
        ("a: [1 2]", 1, "a: found '2' where ',' or ']' is wanted"),
        ("a:", 1, "a: found 'the end' where a value is wanted"),
        ("\n[type.googleapis.com/x] { a: 1 }", 2, "extensions and Any are not known here|has no meaning here"),
        ('a: "x', 1, "'\"x' has no meaning here"),
        ("a: 12ab", 1, "'12ab' has no meaning here"),
        ("a: 09", 1, "09 is no octal number"),
        ("a: '\\q'", 1, r"\\q is no escape"),
        ("a: '\\377'", 1, "bytes that are no UTF-8 can't be kept"),
        ("a: -x", 1, "a: -x is no number"),
        ("a: X\na: 'x'", 2, "a is text in quotes here and a value of an enum elsewhere"),
        ("a {" * 200, 1, "nested deeper than 64"),
    ],
)
def test_what_is_no_message_is_said_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(PrototxtError, match=said) as error:
        read_prototxt(text)
    assert error.value.lineno == line


@given(st.text(alphabet="ab:{}<>[],;\"'\\1.-# \n", max_size=40))
def test_any_text_is_a_message_or_a_problem(text: str) -> None:
    line = 1
    try:
        read_prototxt(text)
    except PrototxtError as error:
        line = error.lineno
    assert 1 <= line <= text.count("\n") + 1
