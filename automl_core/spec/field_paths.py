"""Paths to fields of a Kubernetes object: ``spec.trainer.env``, ``spec.templates[*].container.env``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

_PATH = re.compile(r"[A-Za-z_*][\w-]*(\[(\d+|\*)\])*(\.([A-Za-z_][\w-]*|\*)(\[(\d+|\*)\])*)*")
_STEP = re.compile(r"\[(\d+|\*)\]|([\w-]+|\*)")

EVERY = "*"
"""A step to all values of a mapping, or (in brackets) to all elements of a list."""

Step = str | int
"""The key of a mapping, the index of a list, or `EVERY`."""


def _check(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError(
            "the path of a field is wanted here, such as spec.trainer.env or spec.templates[0].container.env; "
            "* stands for every key, [*] for every element"
        )
    return path


FieldPath = Annotated[str, AfterValidator(_check)]
"""The path of a field, by the names that the object has for it."""


def steps_of(path: str) -> list[Step]:
    """The steps of a path, one after the other."""
    found: list[Step] = []
    for index, key in _STEP.findall(path):
        found.append(key or (EVERY if index == EVERY else int(index)))
    return found


class TooManyPlaces(ValueError):
    """Paths lead through more of an object than is looked at."""


class Steps:
    """Counts the steps that paths take through an object, and stops them at a number.

    Args:
        most: steps of all paths together.
    """

    def __init__(self, most: int) -> None:
        self.most, self._left = most, most

    def take(self) -> None:
        """Take one.

        Raises:
            TooManyPlaces: there are none left.
        """
        self._left -= 1
        if self._left < 0:
            raise TooManyPlaces(f"more than {self.most:,} steps")


def places(
    value: Any, path: str, *, make: bool = False, count: Steps | None = None
) -> Iterator[tuple[Any, Step]]:  # fmt: skip
    """Where a path leads: each container that has the field, or could have it, with the last step into it.

    Args:
        value: the object.
        path: the path.
        make: whether mappings that are missing on the way are made.
        count: the steps that may be taken; as many as there are when left out.

    Raises:
        TooManyPlaces: there are more.
        KeyError: the path leads through something that is not there, or is of another form; its text says up to where.
    """
    steps = steps_of(path)
    yield from _places(value, steps, make, "", count)


def _places(
    value: Any, steps: list[Step], make: bool, at: str, count: Steps | None
) -> Iterator[tuple[Any, Step]]:  # fmt: skip
    step, rest = steps[0], steps[1:]
    if step == EVERY:
        keys: list[Step] = list(value) if isinstance(value, dict) else list(range(len(_list(value, at))))
    else:
        keys = [step]
    for key in keys:
        if count is not None:
            count.take()
        here = f"{at}[{key}]" if isinstance(key, int) else f"{at}.{key}".lstrip(".")
        if isinstance(key, int) and key >= len(_list(value, at)):
            raise KeyError(f"{here} is not there")
        if isinstance(key, str) and not isinstance(value, dict):
            raise KeyError(f"{at or 'it'} is no mapping")
        if not rest:
            yield value, key
            continue
        if isinstance(value, dict) and value.get(key) is None:
            if not make or isinstance(rest[0], int):
                raise KeyError(f"{here} is not there")
            value[key] = {}
        yield from _places(value[key], rest, make, here, count)


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise KeyError(f"{at or 'it'} is no list")
    return value


def value_at(value: Any, path: str) -> Any:
    """What stands at a path, None where nothing does."""
    try:
        container, key = next(places(value, path))
        return container[key] if isinstance(key, int) else container.get(key)
    except (KeyError, StopIteration):
        return None
