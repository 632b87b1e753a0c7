"""In whose threads the web view works: its own, apart from those of Airflow's API server, and a few for each store.

FastAPI runs what is no coroutine in the 40 threads that all of the API server shares, Airflow's health included. A
store that accepts and never answers would take them all. So routes are run here (`AsideRoute`): what is made of memory
and of Airflow's database in `PAGES`, what touches a store in the threads of that store, for no longer than people wait.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any, TypeVar

from fastapi.routing import APIRoute

from automl_airflow.threads import Busy, StoreThreads, Threads
from automl_airflow.web.catalog import Place
from automl_core.storage.base import StorageUnavailable

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

OF_A_STORE = 4
"""Threads of one store in an API server's process."""

PATIENCE = 2.0
"""Seconds that a page waits for a store, before it shows what is known."""

FIRST_PATIENCE = 10.0
"""Seconds that it waits where nothing is known, before it says that the store doesn't answer."""

STUCK = 5.0
"""Seconds for which no thread of a store has come free, from which on it is not waited for any more."""

LONGEST_ACT = 60.0
"""Seconds that an act may take: it is not given up while it may still be done. The store's client gives up before."""

RETRY_AFTER = 10
"""Seconds after which who was told that a store doesn't answer may ask again."""

PAGES = Threads("automl pages", 8, waiting=500)
"""Where pages are made of what is held in memory, and of Airflow's database."""

CLEANING = Threads("automl housekeeping", 2, waiting=4)
"""Where whole storages are looked through."""

TRIES = Threads("automl tries", 8)
"""Where lines of trainings that are tried in an API server's process are waited for."""

_stores = StoreThreads(OF_A_STORE, waiting=200)


class Unanswered(StorageUnavailable):
    """A store does not answer in the time that people wait. The message names it."""


def threads_of(place: Place, use: str = "") -> Threads:
    """The threads of a run's store; with a use, others than those of its pages."""
    return _stores.of(place.storage, place.team_connection, use)


async def in_store(place: Place, function: Callable[..., T], *args: Any, patience: float | None = None) -> T:
    """Call what touches a store, in its threads.

    Args:
        place: whose store.
        function: blocks; goes on in its thread when it is not waited for any more.
        args: of it.
        patience: seconds to wait; `FIRST_PATIENCE` when left out.

    Raises:
        Unanswered: it took longer than that, or the store is known not to answer.
    """
    threads = threads_of(place)
    most = seconds(place, FIRST_PATIENCE if patience is None else patience)
    for_long = threads.stuck(STUCK)
    if for_long is not None:
        raise Unanswered(f"{place.storage} has not answered for {for_long:.0f} s; {threads.most} requests wait for it")
    try:
        async with asyncio.timeout(most):
            return await threads.call(function, *args)
    except TimeoutError:
        raise Unanswered(f"{place.storage} did not answer within {most:g} s") from None
    except Busy:
        raise Unanswered(f"{place.storage} answers too slowly: {threads.waiting} requests wait for it") from None


def seconds(place: Place, patience: float) -> float:
    """Seconds to wait for a store; a test that knows which one hangs has its own."""
    return patience


def touches_store(use: str = "", patience: float | None = None) -> Callable[[F], F]:
    """Mark a route that touches the store of its run, so that it is run in the store's threads.

    Args:
        use: where it may rightly take long (files), what: in threads apart from those of pages.
        patience: seconds to wait, `FIRST_PATIENCE` when left out; not limited where it has a use of its own.
    """

    def mark(endpoint: F) -> F:
        endpoint.touches_store = (use, patience)  # type: ignore[attr-defined]
        return endpoint

    return mark


def looks_through_storages(endpoint: F) -> F:
    """Mark a route that looks through whole storages."""
    endpoint.looks_through = True  # type: ignore[attr-defined]
    return endpoint


class AsideRoute(APIRoute):
    """A route whose function, where it blocks, is called in threads of ours."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint if inspect.iscoroutinefunction(endpoint) else _aside(endpoint), **options)


def _aside(endpoint: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    store = getattr(endpoint, "touches_store", None)
    threads = CLEANING if getattr(endpoint, "looks_through", False) else PAGES

    @wraps(endpoint)
    async def called(**given: Any) -> Any:
        function = partial(endpoint, **given)
        try:
            if store is None:
                return await threads.call(function)
            place = given["run"].place if "run" in given else given["held"].place
            use, patience = store
            if use:
                return await threads_of(place, use).call(function)
            return await in_store(place, function, patience=patience)
        except Busy as error:
            raise Unanswered(f"{error}: try again in a moment") from None

    return called
