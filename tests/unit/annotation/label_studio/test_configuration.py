"""Labelling configurations: those that are made, and what is read of somebody's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.annotation.label_studio.configuration import (
    configuration,
    field_of,
    lacking,
    read_configuration,
    unknown_fields,
)
from automl_core.annotation.label_studio.errors import StudioError

OWN = """<View>
  <!-- what our annotators see -->
  <Text name="t" value="$text"/>
  <Choices name="reason" toName="t"><Choice value="long"/></Choices>
  <Choices name="label" toName="t"><Choice value="An order" alias="order"/><Choice value="refund"/></Choices>
  <Labels name="spans" toName="t"><Label value="name"/></Labels>
</View>"""

printable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="￾￿"), min_size=1)


@pytest.mark.parametrize(
    ("kind", "columns", "tag", "fields"),
    [
        ("text", ["text", "in language"], '<Text name="shown" value="$text"/>', ("text", "column_2")),
        ("row", ["a b", "c"], '<Table name="shown" value="$shown"/>', ("shown",)),
        ("image", ["uri"], '<Image name="shown" value="$uri"/>', ("uri",)),
        ("audio", ["uri", "who"], '<Audio name="shown" value="$uri"/>', ("uri", "who")),
    ],
)
def test_each_kind_of_item_is_shown(kind: str, columns: list[str], tag: str, fields: tuple[str, ...]) -> None:
    made = configuration(kind, columns, ["order", "refund"])
    assert tag in made.text
    assert made.fields == fields
    assert 'required="true"' in made.text


@given(
    st.lists(printable, min_size=2, max_size=6, unique=True), st.lists(printable, min_size=1, max_size=4, unique=True)
)
def test_what_is_made_is_read_again(classes: list[str], columns: list[str]) -> None:
    made = configuration("text", columns, classes, hints={classes[0]: 'say "why" & <when>'})
    assert read_configuration(made.text) == made
    assert lacking(made, classes) == []
    assert unknown_fields(made, columns) == []


def test_classes_have_keys_that_nobody_else_has() -> None:
    made = configuration("text", ["text"], ["order", "refund", "other"], keys={"refund": "1"})
    assert '<Choice value="order" hotkey="2"/>' in made.text
    assert '<Choice value="refund" hotkey="1"/>' in made.text
    assert '<Choice value="other" hotkey="3"/>' in made.text


def test_a_configuration_of_ones_own() -> None:
    found = read_configuration(OWN)
    assert (found.control, found.shown, found.choices, found.fields) == ("label", "t", ("order", "refund"), ("text",))
    assert lacking(found, ["order", "An order"]) == ["An order"]
    assert unknown_fields(found, ["txt"]) == ["text"]
    assert field_of("text", 4) == "text"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<View>", "is no XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><View/>', "no place in it"),
        ("<View><Text name='t' value='$text'/></View>", "found: none"),
        (OWN.replace('"label"', '"other"'), "found: reason, other"),
        (OWN.replace('name="label" toName="t"', 'name="label" toName="x"'), "names 'x' in toName"),
        (OWN.replace('name="label"', 'name="label" choice="multiple"'), "an item has one class"),
    ],
)
def test_what_can_not_give_a_class_is_refused(text: str, words: str) -> None:
    with pytest.raises(StudioError, match=words):
        read_configuration(text)


def test_a_comment_may_say_anything() -> None:
    assert read_configuration(OWN.replace("our", "<!DOCTYPE> our")).control == "label"


def test_one_class_is_no_question() -> None:
    with pytest.raises(StudioError, match="two classes"):
        configuration("text", ["text"], ["order"])
