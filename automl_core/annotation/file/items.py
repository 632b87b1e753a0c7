"""``items:`` of an annotation project's file: where the items lie, what makes one, and what people see of it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, field_validator

from automl_core.spec.base import Model
from automl_core.spec.values import Data, check_place, texts_not_empty

Kind: TypeAlias = Literal["row", "text", "image", "audio"]

BY_ADDRESS: tuple[Kind, ...] = ("image", "audio")
"""Kinds whose items are addresses of what people look at or listen to."""

Columns: TypeAlias = Annotated[list[str], AfterValidator(texts_not_empty("a column")), Field(min_length=1)]


class Items(Model):
    """The items: a row of the data is one. New files and new rows are new items."""

    data: str | Data | list[str | Data] = Field(
        description="A place, as data sets of experiments have it, a group with its connection, or a list of these: "
        "CSV, Parquet or JSON lines. What comes there later is found by a later run."
    )
    kind: Kind | None = Field(
        None, description="What an item is: row, text, image or audio (these two by address). Left out: text where "
        "`columns` has one column, and that is text; else row.",
    )  # fmt: skip
    columns: Columns | None = Field(
        None, description="What models see of an item and what makes it one: two rows that are equal in these are one "
        "item. All but `key`, `label` and `gold` when left out.",
    )  # fmt: skip
    show: Columns | None = Field(None, description="What people see of it; `columns` when left out.")
    address: str | None = Field(
        None, min_length=1, description="Column with the address of the image or the audio; the only one of `columns` "
        "when left out.",
    )  # fmt: skip
    key: str | None = Field(
        None, min_length=1, description="Column with the source's own id. Where the item under a key has changed, "
        "it is a new one; the old one is retired with its label.",
    )  # fmt: skip
    label: str | None = Field(
        None,
        min_length=1,
        description="Column with labels that the data bring: taken as imported; empty is none.",
    )
    gold: str | None = Field(
        None, min_length=1, description="Column with known right answers, by which annotators are measured; such items "
        "train nothing.",
    )  # fmt: skip

    @field_validator("data")
    @classmethod
    def _places(cls, data: str | Data | list[str | Data]) -> str | Data | list[str | Data]:
        if isinstance(data, list):
            if not data:
                raise ValueError("no place is named")
            for index, each in enumerate(data):
                try:
                    check_place(each)
                except ValueError as error:
                    raise ValueError(f"items.data[{index}]: {error}") from None
            return data
        check_place(data)
        return data

    @property
    def places(self) -> tuple[str | Data, ...]:
        """Where the items lie, one or several."""
        return tuple(self.data) if isinstance(self.data, list) else (self.data,)

    @property
    def apart(self) -> tuple[str, ...]:
        """Columns that are no part of an item: key, label and gold, those that are named."""
        return tuple(each for each in (self.key, self.label, self.gold) if each is not None)

    @property
    def address_column(self) -> str | None:
        """The column with the address of an image or audio; None for other kinds."""
        if self.kind not in BY_ADDRESS:
            return None
        return self.address or (self.columns[0] if self.columns is not None and len(self.columns) == 1 else None)
