"""How a training program gives up: a sentence for a person, and no traceback."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterable, Sequence

from automl_core.training.imports import without


class TrainingError(Exception):
    """What the user's configuration or data make impossible, in words."""


def run(main: Callable[[], None], *, hidden: Sequence[str] = ("pandas",)) -> None:
    """Run a program's main function; a `TrainingError` ends it with its text on standard error and exit status 2.

    Args:
        main: the program.
        hidden: optional libraries that nothing is to import. PyArrow loads pandas, where it is installed, to look at
        what
            it is given: a second of CPU.
    """
    try:
        with without(*hidden):
            main()
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None


def nearest(name: str, allowed: Iterable[str]) -> str:
    """What to say of an unknown name: the nearest right one, and what is allowed."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (allowed: {', '.join(names)})"


_VALUE = re.compile(
    r"(?<![\w./\\@?&%$#~+-])([\"']?[^\W\d][\w./@%+-]*[\"']?)[ \t]*[:=][ \t]*(?=[\"']?[-+]?(?:\.?\d|nan|inf|∞))",
    re.IGNORECASE,
)
"""What `automl_core.metrics` would read as a metric: a name, a colon or an equals sign, a number."""


def say(text: str) -> None:
    """Tell what was found or done, in a line that no metric is read from: ``note: 50`` would be one.

    Names that users give may stand in it (a series may be called loss): what would read as a name with its value has a
    dash between them.
    """
    told = _VALUE.sub(r"\1 – ", text)
    print(f"note – {told}", flush=True)
