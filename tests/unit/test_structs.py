"""What threads read at once is known to msgspec before: else the first two end the process."""

from __future__ import annotations

import re

import msgspec
import pytest

from automl_core.structs import known
from tests.sources import ROOT


class Unfinished(msgspec.Struct):
    """One whose field says nothing: found out when msgspec looks at the fields, and not before."""

    field: NotThere  # type: ignore[name-defined]  # noqa: F821


def test_a_type_that_is_known_has_been_looked_at() -> None:
    with pytest.raises(NameError, match="NotThere"):
        known(int, Unfinished)


def test_what_is_read_from_stores_is_known() -> None:
    found = {}
    for part in ("journal", "models", "study"):
        for path in (ROOT / "automl_core" / part).rglob("*.py"):
            text = path.read_text()
            read = set(re.findall(r"json\.decode\(.*type=([A-Z_]\w*)\)", text))
            told = set(re.findall(r"\w+", " ".join(re.findall(r"^known\((.*)\)$", text, re.MULTILINE))))
            if read and path.name != "__main__.py":  # a process of its own, without threads
                found[str(path.relative_to(ROOT))] = sorted(read - told)
    assert len(found) >= 5
    assert not any(found.values()), found
