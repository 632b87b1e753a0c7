"""What in a valid file of a model may be a slip, or is worth knowing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from difflib import SequenceMatcher
from urllib.parse import urlsplit

from automl_core.masking import is_secret
from automl_core.models.file.accept import ANYBODY
from automl_core.models.file.deploy import KubernetesBatch, MaxComputeBatch
from automl_core.models.file.evaluate import FEEDBACK
from automl_core.models.file.model import ModelFile
from automl_core.models.file.relations import dates_in
from automl_core.models.file.rolling import served_warnings
from automl_core.models.file.values import data_set_of
from automl_core.spec.errors import Path, Problem, show
from automl_core.spec.models import Schedule
from automl_core.spec.places import BadPlace, parse_place
from automl_core.spec.schedule import TIMELESS
from automl_core.spec.units import format_duration

LONG = 30 * 86400.0
"""Seconds of waiting for an answer that nobody means, most likely."""


def warnings_of(file: ModelFile) -> list[Problem]:
    """Everything that may be a slip, and what is worth knowing, without file and line.

    Args:
        file: a valid one.
    """
    served = served_warnings(file, file.served) if file.served is not None else ()
    return [*_data(file), *_program(file), *_accept(file), *_deploy(file), *served, *_watch(file)]


def _data(file: ModelFile) -> Iterator[Problem]:
    data = file.evaluate.data
    place = data_set_of(data).place
    at: Path = ("evaluate", "data") if isinstance(data, str) else ("evaluate", "data", "place")
    if file.evaluate.by_feedback:
        return
    if "/" not in place and "." not in place and SequenceMatcher(None, place.lower(), FEEDBACK).ratio() > 0.7:
        yield Problem(
            f"{show(place)} is taken for a folder", at, found=show(place), suggestion=f"Did you mean {FEEDBACK!r}?",
            severity="warning",
        )  # fmt: skip
    elif not dates_in(place) and _is_one_file(place):
        yield Problem(
            "one file, without a date: unless something writes it anew, all versions are evaluated on the same rows",
            at, found=show(place), suggestion="Name a date (${ds}) or a folder, or say feedback", severity="note",
        )  # fmt: skip
    if file.feedback is not None:
        yield Problem(
            "outcomes are joined by `feedback`, and versions are evaluated on other data", at, found=show(place),
            suggestion=f"Say `data: {FEEDBACK}` to evaluate on what came of its answers", severity="note",
        )  # fmt: skip


def _program(file: ModelFile) -> Iterator[Problem]:
    """Secrets that would be read in the journal; their values are not said."""
    program = file.evaluate.program
    for name, value in program.env.items() if program is not None else ():
        if is_secret(name) and not value.strip().isdecimal():  # as of MAX_TOKENS
            yield Problem(
                "the journal has this file as it stands, for whoever reads the bucket",
                ("evaluate", "program", "env", name), severity="warning",
                suggestion="Have the program read a file of the worker, or name its path here",
            )  # fmt: skip


def _accept(file: ModelFile) -> Iterator[Problem]:
    accept = file.accept
    if accept.by == ANYBODY:
        yield Problem(
            "whoever may answer in Airflow may accept a version", ("accept", "by"), found=ANYBODY,
            suggestion="Name the people, to ask these alone", severity="note",
        )  # fmt: skip
    if accept.by_itself and "within" in accept.model_fields_set:
        yield Problem("nobody is asked, so there is nothing to wait for", ("accept", "within"), severity="warning")
    if accept.within > LONG and not accept.by_itself:
        yield Problem(
            f"a version waits {format_duration(accept.within)} for its answer, and 16 of them at once: the next ones "
            "are looked at when one is answered", ("accept", "within"), severity="warning",
        )  # fmt: skip


def _deploy(file: ModelFile) -> Iterator[Problem]:
    deploy = file.batch
    if deploy is None:
        return
    if file.evaluate.program is not None and isinstance(deploy, KubernetesBatch | MaxComputeBatch):
        yield Problem(
            "a program scores models that this product has not written, and on the worker alone: their intervals fail "
            "here", ("deploy", "backend"), found=deploy.backend, suggestion="Say backend: local", severity="warning",
        )  # fmt: skip
    data = data_set_of(deploy.data).place
    dates = dates_in(data_set_of(deploy.out).place) if not dates_in(data) else []  # those of data are found by listing
    schedule = deploy.schedule
    by_assets = isinstance(schedule, Schedule) and schedule.assets is not None
    if schedule is None or deploy.cron in TIMELESS or by_assets:
        what = "runs that assets start have" if by_assets else "no schedule gives runs"
        if dates:
            yield Problem(
                f"`out` names ${{{dates[0]}}}, `data` no date, and {what} {'no ' if by_assets else 'a '}logical date",
                ("deploy", "schedule") if schedule is not None else ("deploy",),
                suggestion="Name the date in `data` too: partitions that come are found", severity="warning",
            )  # fmt: skip
        elif schedule is None:
            yield Problem(
                "nothing starts it by itself", ("deploy",), suggestion="For example: schedule: '@daily'",
                severity="note",
            )  # fmt: skip


def _watch(file: ModelFile) -> Iterator[Problem]:
    endpoint = (file.watch.endpoint if file.watch is not None else None) or None
    if endpoint is not None and endpoint.url is not None and endpoint.connection is not None:
        parts = urlsplit(endpoint.url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            yield Problem(
                "the token and the rows are sent as they are, for whoever listens on the way",
                ("watch", "endpoint", "url"), found=show(endpoint.url), suggestion="Use https", severity="warning",
            )  # fmt: skip
    retrain = file.watch.retrain if file.watch is not None else None
    if retrain is None or retrain.every is None:
        return
    if retrain.in_ / retrain.every > retrain.at_most:
        yield Problem(
            f"every {format_duration(retrain.every)} is more often than the {retrain.at_most} times in "
            f"{format_duration(retrain.in_)} that the brake lets through", ("watch", "retrain", "every"),
            severity="warning",
        )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether a host is this machine.

    Args:
        host: a name or an address.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_one_file(place: str) -> bool:
    try:
        found = parse_place(place)
    except BadPlace:
        return False
    return not found.is_table and not found.is_pattern and "." in found.path.rstrip("/").rpartition("/")[2]
