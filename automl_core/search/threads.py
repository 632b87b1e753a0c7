"""One thread for the linear algebra of a suggestion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep numpy's and scipy's BLAS to one thread meanwhile.

    On matrices of some hundred rows further threads cost more than they bring, on a machine that runs trials they take
    the trials' cores, and their number changes the last bits of a sum: suggestions have to be the same everywhere.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    import numpy  # noqa: F401 - each brings a BLAS of its own, which is found once it is loaded
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
