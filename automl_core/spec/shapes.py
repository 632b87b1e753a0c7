"""What may stand at each place of an experiment file, read from the models' annotations."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from automl_core.spec.base import UNTOLD, DefaultTag
from automl_core.spec.units import parse_duration


@dataclass(frozen=True)
class Shape:
    """What may stand at one place.

    Attributes:
        annotation: the type, without Annotated and None.
        metadata: limits such as ``annotated_types.Ge``.
        tag: the key that tells the members of a union apart, None without one.
        nullable: whether null may stand there.
    """

    annotation: Any
    metadata: tuple[Any, ...] = ()
    tag: str | None = None
    nullable: bool = False

    @property
    def members(self) -> tuple[Shape, ...]:
        """The alternatives of a union, null left out; empty for anything else."""
        if get_origin(self.annotation) not in (Union, types.UnionType):
            return ()
        return tuple(shape_of(member) for member in get_args(self.annotation) if member is not type(None))

    @property
    def model(self) -> type[BaseModel] | None:
        """The model class, when it is one."""
        return self.annotation if isinstance(self.annotation, type) and issubclass(self.annotation, BaseModel) else None

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        """The model classes that may stand there: itself, or those of a union, and of unions in it."""
        own = (self.model,) if self.model is not None else ()
        return (*own, *(model for member in self.members for model in member.models))

    @property
    def is_duration(self) -> bool:
        """Whether it is a duration (`automl_core.spec.units`)."""
        return any(getattr(entry, "func", None) is parse_duration for entry in self.metadata)

    def tagged(self, value: Any) -> Shape | None:
        """The member of a tagged union that a mapping's tag names."""
        if self.tag is None or not isinstance(value, dict):
            return None
        default = next((entry.value for entry in self.metadata if isinstance(entry, DefaultTag)), None)
        return next((m for m in self.members if value.get(self.tag, default) in tags_of(m, self.tag)), None)

    def container_for(self, value: Any) -> Shape | None:
        """The member of a union that a list or mapping was meant for."""
        for member in self.members:
            origin = get_origin(member.annotation) or member.annotation
            if isinstance(value, dict) and (member.model is not None or origin is dict or member.tag is not None):
                return member
            if isinstance(value, list) and origin is list:
                return member
        return None

    def child(self, key: str | int) -> Shape | None:
        """What may stand under a key or at an index."""
        if self.model is not None:
            field = fields_of(self.model).get(str(key))
            return shape_of_field(field) if field is not None else None
        arguments = get_args(self.annotation)
        if get_origin(self.annotation) is dict and len(arguments) == 2:
            return shape_of(arguments[1])
        if get_origin(self.annotation) is list and arguments:
            return shape_of(arguments[0])
        return None


def shape_of(annotation: Any, metadata: tuple[Any, ...] = (), tag: Any = None) -> Shape:
    """The shape of an annotation, looking through Annotated and Optional."""
    nullable = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            for entry in more:
                if isinstance(entry, FieldInfo):
                    tag = entry.discriminator or tag
                    metadata += tuple(entry.metadata)
                else:
                    metadata += (entry,)
        elif get_origin(annotation) in (Union, types.UnionType):
            some = [member for member in get_args(annotation) if member is not type(None)]
            nullable = nullable or len(some) < len(get_args(annotation))
            if len(some) > 1:
                break
            annotation = some[0]
        else:
            break
    nullable = nullable and UNTOLD not in metadata
    return Shape(annotation, metadata, tag if isinstance(tag, str) else None, nullable)


def shape_of_field(field: FieldInfo) -> Shape:
    """The shape of a model's field."""
    return shape_of(field.annotation, tuple(field.metadata), field.discriminator)


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the names that a file gives them, forward references resolved."""
    if not model.__pydantic_fields_complete__:  # building its schema as well takes a hundred times as long
        model.model_rebuild()
    fields = model.model_fields
    if all(field.alias is None for field in fields.values()):
        return fields
    return {field.alias or name: field for name, field in fields.items()}  # `in:` can be no name of Python's


def key_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a group: the ones it must have first."""
    fields = fields_of(model)
    return tuple(sorted(fields, key=lambda name: not fields[name].is_required()))


def tags_of(member: Shape, tag: str) -> tuple[str, ...]:
    """The values of its tag by which a member of a tagged union is chosen; those of all of it where it is a union."""
    if member.members:
        return tuple(dict.fromkeys(value for each in member.members for value in tags_of(each, tag)))
    field = fields_of(member.model).get(tag) if member.model is not None else None
    return tuple(str(value) for value in get_args(field.annotation)) if field is not None else ()


def describe(shape: Shape) -> tuple[str, ...]:
    """What may stand there, in words: the values one by one, or one description of each alternative."""
    words: list[str] = []
    if shape.tag is not None:
        words.append(f"a mapping with the key {shape.tag!r}")
    elif shape.members:
        # an option of a choice may be any scalar: say so in one word
        scalars = {bool, int, float, str}
        rest = [member for member in shape.members if member.annotation not in scalars or member.metadata]
        if len(shape.members) - len(rest) == len(scalars):
            words.append("text, a number, true or false")
        else:
            rest = list(shape.members)
        for member in rest:
            words.extend(describe(member))
    else:
        words.extend(_describe_one(shape))
    if shape.nullable:
        words.append("null")
    return tuple(dict.fromkeys(words))


def _describe_one(shape: Shape) -> tuple[str, ...]:
    origin = get_origin(shape.annotation) or shape.annotation
    if shape.is_duration:
        return ("a duration such as 45s, 30m, 1h30m or 2d",)
    if origin is Literal:
        return tuple(str(value) for value in get_args(shape.annotation))
    if shape.model is not None:
        return (f"a mapping ({', '.join(key_names(shape.model))})",)
    if origin is list:
        item = shape.child(0)
        return ("a list" if item is None or item.members else f"a list of {_plural(item)}",)
    if origin is dict:
        return ("a mapping",)
    if origin is str:
        return ("text",)
    if origin is bool:
        return ("true", "false")
    return (_describe_number("a whole number" if origin is int else "a number", shape.metadata),)


def _plural(item: Shape) -> str:
    origin = get_origin(item.annotation) or item.annotation
    return {str: "texts", int: "whole numbers", float: "numbers", dict: "mappings"}.get(origin, "mappings")


def _describe_number(words: str, metadata: tuple[Any, ...]) -> str:
    low = next((f"of at least {m.ge}" for m in metadata if isinstance(m, limits.Ge)), "")
    low = low or next((f"above {m.gt}" for m in metadata if isinstance(m, limits.Gt)), "")
    high = next((f"of at most {m.le}" for m in metadata if isinstance(m, limits.Le)), "")
    high = high or next((f"below {m.lt}" for m in metadata if isinstance(m, limits.Lt)), "")
    return " ".join(part for part in (words, low, "and" if low and high else "", high) if part)
