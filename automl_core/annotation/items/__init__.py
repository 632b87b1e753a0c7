"""Items: what people and models label, told from each other by their content, kept in parts that never change."""

from automl_core.annotation.items.catalog import Catalog, DamagedParts, NoSuchItem
from automl_core.annotation.items.content import BadItem, Content, ItemKind, content_of, is_id, item_id, shown_digests
from automl_core.annotation.items.held import HeldParts
from automl_core.annotation.items.numbers import Packed, pack, unpack

__all__ = [
    "BadItem",
    "Catalog",
    "Content",
    "DamagedParts",
    "HeldParts",
    "ItemKind",
    "NoSuchItem",
    "Packed",
    "content_of",
    "is_id",
    "item_id",
    "pack",
    "shown_digests",
    "unpack",
]
