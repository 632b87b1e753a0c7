"""How a round reaches what is not the project's own: data, experiments' results, the folder of its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.data.access import Access, FromEnvironment

if TYPE_CHECKING:
    from automl_core.storage.base import ObjectStore


def _say(line: str) -> None:
    del line


@dataclass(frozen=True)
class Reach:
    """What the caller opens for a round: Airflow by its connections, a test in a folder.

    Attributes:
        experiments: name of an experiment → the model storage path that its runs lie in.
        access: opens data.
        home: AUTOML_HOME.
        folder: of the project's file; programs run there.
        dates: of the run, for places with a date in them.
        say: takes lines for the log.
        wanted: whether anybody still wants what goes on.
        memory: bytes of address space that scoring and selection may take; None: as many as they like.
        timeout: seconds that they may take.
        apart: whether they have a process of their own, as they should: a crash takes nobody along.
    """

    experiments: Callable[[str], ObjectStore]
    access: Access = field(default_factory=FromEnvironment)
    home: Path = field(default_factory=Path.cwd)
    folder: Path | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = _say
    wanted: Callable[[], bool] = lambda: True
    memory: int | None = 8 << 30
    timeout: float = 3600.0
    apart: bool = True
