"""Files of a run: what its trials left and what was published. Never anything outside the run's folder."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from automl_airflow.web.access import CAN_READ, NO_RIGHT_TO_DOWNLOAD
from automl_airflow.web.archive import MOST_FILES, Places, TooMany, stream
from automl_airflow.web.aside import AsideRoute, threads_of, touches_store
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.downloads import Asker, TheAsker, check_download, note_download, sees_rows
from automl_airflow.web.held import HeldRun
from automl_airflow.web.links import file_href
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.parts import Fresh, TheRun, TrialNumber
from automl_core.journal import JOURNAL, SEGMENTS, SNAPSHOTS
from automl_core.results.names import BEST_MODEL
from automl_core.spec.stages import STAGES
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.storage.keys import is_key
from automl_core.study.layout import CHECKPOINTS, MODEL_FOLDER, SCRATCH, safe, stage_prefix, trial_prefix
from automl_core.study.stages import INPUT
from automl_core.views.trial import trial_of

router = APIRouter(
    route_class=AsideRoute,
    prefix="/experiments/{dag_id}/runs/{run_id}",
    dependencies=[Depends(CAN_READ)],
    tags=["files"],
)

MAX_LISTED = 1000

FILES = "files"
"""Use of the threads in which files are fetched: they may rightly take long, and pages don't wait for them."""

MOST_FETCHED = 8
"""Files fetched from a bucket at once."""

_fetching = threading.BoundedSemaphore(MOST_FETCHED)

_places: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()

FilePath = Annotated[str, PathParameter(max_length=800, description="The file, below the folder.")]


async def the_places() -> Places:
    """The places for archives of this event loop."""
    return _places.setdefault(asyncio.get_running_loop(), Places())


ThePlaces = Annotated[Places, Depends(the_places)]


@router.get("/trials/{number}/files")
@touches_store()
def get_trial_files(run: TheRun, held: Fresh, asker: TheAsker, number: TrialNumber) -> Response:
    """The files of a trial: its log, its metrics, its model, its checkpoints."""
    held.use(lambda view: trial_of(view, number))
    return reply(_listed(run, held, asker, trial_prefix(number), f"trials/{number}/files", ()))


@router.get("/trials/{number}/files/{path:path}")
@touches_store(FILES)
def get_trial_file(run: TheRun, held: Fresh, asker: TheAsker, number: TrialNumber, path: FilePath) -> Response:
    """Download a file of a trial."""
    held.use(lambda view: trial_of(view, number))
    return _download(run, held, asker, trial_prefix(number), path)


@router.get("/archives/{what}", response_class=StreamingResponse)
@touches_store(FILES)
def get_archive(
    run: TheRun, held: Fresh, asker: TheAsker, places: ThePlaces,
    what: Annotated[Literal["results", "best_model"], PathParameter(description="All published, or the best trial.")],
) -> StreamingResponse:  # fmt: skip
    """What was published as one zip file, made while it is sent: bounded in size, and two at once for one user."""
    folder, skip = (BEST_MODEL, ()) if what == "best_model" else ("", UNPUBLISHED)
    return _archive(run, held, asker, places, folder, skip, what)


@router.get("/trials/{number}/archive", response_class=StreamingResponse)
@touches_store(FILES)
def get_trial_archive(
    run: TheRun, held: Fresh, asker: TheAsker, places: ThePlaces, number: TrialNumber
) -> StreamingResponse:  # fmt: skip
    """What a trial left as one zip file."""
    held.use(lambda view: trial_of(view, number))
    return _archive(run, held, asker, places, trial_prefix(number), (), f"trial_{number}")


def _archive(
    run: RunInfo, held: HeldRun, asker: Asker, places: Places, folder: str, skip: tuple[str, ...], what: str
) -> StreamingResponse:
    check_download(asker, run, held)
    try:
        places.admit(asker.name)
    except TooMany as error:
        raise HTTPException(429, str(error), {"Retry-After": "30"}) from None
    store, root = held.shared.store, held.view.study.journal.prefix
    inside = f"{safe(run.place.experiment, 60)}-{safe(run.run_id, 60)}-{what}"
    files = []
    for path in islice(_walk(store, root, root + folder, skip), MOST_FILES + 1):
        here = store.local_path(root + folder + path)
        real = _inside(here, store.local_path(root.rstrip("/"))) if here is not None else None
        if here is None or real is not None:
            files.append((f"{inside}/{path}", root + folder + path, real))
    if not files:
        raise HTTPException(404, "there are no files yet")
    note_download(asker, run, held, [key.removeprefix(root) for _, key, _ in files])
    headers = {
        "Content-Disposition": f'attachment; filename="{inside}.zip"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-store",
        "X-Accel-Buffering": "no",
    }
    pieces = stream(places, asker.name, store, files, threads_of(run.place, FILES))
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.get("/results")
@touches_store()
def get_results(run: TheRun, held: Fresh, asker: TheAsker) -> Response:
    """The published files: controller.json, the leaderboard, the best model and so on."""
    return reply(_listed(run, held, asker, "", "results", UNPUBLISHED))


@router.get("/results/{path:path}")
@touches_store(FILES)
def get_result(run: TheRun, held: Fresh, asker: TheAsker, path: FilePath) -> Response:
    """Download a published file."""
    if path.startswith(UNPUBLISHED):
        raise HTTPException(404, f"{path!r} is no published file")
    return _download(run, held, asker, "", path)


_OWN = (JOURNAL, SEGMENTS, *SNAPSHOTS, SCRATCH)
_OF_A_STAGE = (*_OWN, INPUT, trial_prefix(0) + MODEL_FOLDER, trial_prefix(0) + CHECKPOINTS)
UNPUBLISHED = (*_OWN, "experiment_", *(stage_prefix("", stage) + name for stage in STAGES for name in _OF_A_STAGE))
"""How the names begin of what is no published file: journals, the folders of trials, and of stages all but their logs
and metrics: what ``prepare`` made is data, and what ``conclude`` made is in best_model/."""


def _listed(
    run: RunInfo, held: HeldRun, asker: Asker, folder: str, route: str, skip: tuple[str, ...]
) -> dict[str, Any]:
    allowed = sees_rows(asker.user, run, held)
    store, root = held.shared.store, held.view.study.journal.prefix
    prefix = root + folder
    paths = list(islice(_walk(store, root, prefix, skip), MAX_LISTED + 1))
    files = [
        {
            "path": path,
            "size": _size(store, prefix + path),
            "href": file_href(run, route, path) if allowed else None,
        }
        for path in paths[:MAX_LISTED]
    ]
    why_not = "" if allowed else NO_RIGHT_TO_DOWNLOAD
    return {"files": files, "truncated": len(paths) > MAX_LISTED, "downloads": {"allowed": allowed, "reason": why_not}}


def _walk(store: ObjectStore, root: str, prefix: str, skip: tuple[str, ...]) -> Iterator[str]:
    """Paths below a prefix.

    What begins with one of ``skip``, and links that lead out of the run's folder, are passed over without being listed.
    """
    after = ""
    while keys := store.list(prefix, start_after=prefix + after if after else "", limit=MAX_LISTED):
        for key in keys:
            after = key.removeprefix(prefix)
            passed = next((start for start in skip if after.startswith(start)), None) or _leads_out(store, root, key)
            if passed is not None:
                after = passed.removeprefix(prefix) + "\U0010ffff"
                break
            yield after
        else:
            if len(keys) < MAX_LISTED:
                return


def _leads_out(store: ObjectStore, root: str, key: str) -> str | None:
    """The first part of a key that is a link out of the run's folder, None where all of it lies inside."""
    path, folder = store.local_path(key), store.local_path(root.rstrip("/"))
    if path is None or folder is None or _inside(path, folder) is not None:
        return None
    parts = key.removeprefix(root).split("/")
    for count in range(1, len(parts)):
        start = root + "/".join(parts[:count])
        here = store.local_path(start)
        if here is not None and not here.resolve().is_relative_to(folder.resolve()):
            return start + "/"
    return key


def _size(store: ObjectStore, key: str) -> int | None:
    path = store.local_path(key)
    try:
        return path.stat().st_size if path is not None else None
    except OSError:
        return None


def _download(run: RunInfo, held: HeldRun, asker: Asker, folder: str, path: str) -> Response:
    check_download(asker, run, held)
    store, prefix = held.shared.store, held.view.study.journal.prefix + folder
    if not is_key(path) or not is_key(prefix + path):
        raise HTTPException(404, f"{path!r} is no file of this folder")
    name = quote(path.rsplit("/", 1)[-1], safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-store",
    }
    here = store.local_path(prefix + path)
    if here is not None:
        inside = _inside(here, store.local_path((held.view.study.journal.prefix).rstrip("/")))
        if inside is None:
            raise HTTPException(404, f"there is no file {path!r}")
        note_download(asker, run, held, [folder + path])
        return FileResponse(inside, media_type="application/octet-stream", headers=headers)
    temporary = _fetched(store, prefix + path)
    if temporary is None:
        raise HTTPException(404, f"there is no file {path!r}")
    try:
        note_download(asker, run, held, [folder + path])
    except BaseException:
        os.unlink(temporary)
        raise
    done = BackgroundTask(os.unlink, temporary)
    return FileResponse(temporary, media_type="application/octet-stream", headers=headers, background=done)


def _fetched(store: ObjectStore, key: str) -> str | None:
    """A file of a bucket, brought to this machine; None where there is none.

    Only so many are brought at once: each takes its time, a place on the disk, and a thread that Airflow's own pages
    need as well.
    """
    if not _fetching.acquire(blocking=False):
        wait = f"{MOST_FETCHED} files are being fetched from the model storage already: try again in a moment"
        raise HTTPException(429, wait, {"Retry-After": "10"})
    try:
        handle, temporary = tempfile.mkstemp(prefix="automl-download-")
        os.close(handle)
        try:
            store.download_file(key, Path(temporary))
        except BaseException as error:
            os.unlink(temporary)
            if isinstance(error, NotFound):
                return None
            raise
        return temporary
    finally:
        _fetching.release()


def _inside(path: Path, folder: Path | None) -> Path | None:
    """The file itself where it lies in the run's folder: a training process may have left a link to anywhere."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if folder is None or not real.is_file() or not real.is_relative_to(folder.resolve()):
        return None
    return real
