"""``labels:`` of an annotation project's file: the classes, what people are told of each, and its key."""

from __future__ import annotations

import string
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from automl_core.spec.base import Model

DIGITS = "1234567890"
"""Keys of the classes that name none, in the order in which a keyboard has them; after these, letters."""

RESERVED = " ?"
"""Keys that the page for labelling has for itself, beside those without a letter (Enter, arrows, Backspace)."""


def _as_text(value: Any) -> Any:
    """A class as text: 0 and 1 are fair names of classes, and labels in data are compared as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[
    str,
    BeforeValidator(_as_text),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}),
]
"""Text; a whole number is taken as it is written."""


class Labels(Model):
    """What an item can be labelled with: one class of several."""

    classes: list[Text] = Field(description="The classes, two at least, in the order in which people see them.")
    hints: dict[str, str] = Field(
        default_factory=dict, description="Class → what it means, shown to people while they label."
    )
    keys: dict[str, Text] = Field(
        default_factory=dict, description="Class → its key on the keyboard, one character; the others get 1 to 9 and 0 "
        "in their order, then letters.",
    )  # fmt: skip

    @field_validator("classes")
    @classmethod
    def _some_classes(cls, classes: list[str]) -> list[str]:
        for index, name in enumerate(classes):
            if not name.strip():
                raise ValueError("a class must have a name")
            if name != name.strip():
                raise ValueError(f"{name!r} has spaces at an end, which nobody sees")
            if name in classes[:index]:
                raise ValueError(f"{name!r} stands there twice")
        if len(classes) < 2:
            raise ValueError("two classes are the fewest: with one there is nothing to decide")
        return classes

    @property
    def keyboard(self) -> dict[str, str]:
        """Key → class, in the order of the classes; classes beyond the last free key have none.

        Keys are small letters: a page takes large ones for the same.
        """
        given = {name: key.lower() for name, key in self.keys.items()}
        free = (each for each in DIGITS + string.ascii_lowercase if each not in given.values())
        found: dict[str, str] = {}
        for name in self.classes:
            key = given.get(name) or next(free, None)
            if key is not None:
                found[key] = name
        return found
