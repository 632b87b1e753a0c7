"""What a training task runs in a trial: its statements, filled in and named, in order."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from automl_core.backends.contract import TrialContext
from automl_core.backends.maxcompute.ddl import with_lifecycle
from automl_core.backends.maxcompute.lexer import significant, split, tokenize
from automl_core.backends.maxcompute.pai import Command, is_command, parse_command, render_command
from automl_core.backends.maxcompute.rendering import check_sql, render_name, render_sql
from automl_core.backends.maxcompute.settings import render_setting, setting_of
from automl_core.backends.substitution import Placeholder, PlaceholderError, parse, problem_of
from automl_core.spec.maxcompute import MaxComputeTask, SelectMetrics, Statement, TableMetrics

SCRIPT_MODE = "odps.sql.submit.mode"
"""The hint under which one instance runs several statements as a script."""

_QUERIES = frozenset({"SELECT", "WITH", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "FROM"})


@dataclass(frozen=True, slots=True)
class Step:
    """One instance that is to be run.

    Attributes:
        number: from 1, among the task's statements; a metric query has that of the statement it comes after.
        label: what people call it.
        text: the statement as submitted (of a PAI command: as people read it).
        command: the PAI command, None for SQL.
        once: whether one instance serves all trials of the run.
        metrics: whether its rows are the trial's metrics.
        timeout: seconds that it may take, None without a limit of its own.
        hints: the file's, and what SET says before it.
        digest: the same for the same work in the same project with the same hints.
    """

    number: int
    label: str
    text: str
    digest: str
    hints: Mapping[str, str] = field(default_factory=dict)
    command: Command | None = None
    once: bool = False
    metrics: bool = False
    last: bool = False
    timeout: float | None = None

    @property
    def answers(self) -> bool:
        """Whether it answers with something for people or for metrics to read."""
        if self.command is not None or self.metrics:
            return True
        words = significant(tokenize(self.text))
        return bool(words) and words[0].keyword in _QUERIES


def plan(task: MaxComputeTask, context: TrialContext) -> list[Step]:
    """The steps of a training task in a trial.

    Raises:
        PlaceholderError: a ``${…}`` can't be filled in; the message says in which statement.
    """
    steps: list[Step] = []
    pieces, after = _all_pieces(task)
    if not pieces:
        raise PlaceholderError("sql: nothing but settings, which can't be run")
    metrics = task.metrics if isinstance(task.metrics, SelectMetrics | TableMetrics) else None
    for number, (statement, text, settings) in enumerate(pieces, 1):
        last = number == len(pieces)
        label = statement.name or f"statement {number}"
        try:
            hints = _hints(task, settings, context)
            step = _step(task, statement, text, number, label, hints, context)
        except PlaceholderError as error:
            raise PlaceholderError(f"sql, {label}: {error}") from None
        steps.append(step)
        if metrics is not None and (last or (metrics.after == "each" and not statement.once)):
            hints = _hints(task, after if last else settings, context)
            steps.append(_metric_step(metrics, number, last, hints, context))
    return steps


def hints_of(task: MaxComputeTask) -> dict[str, str]:
    """The settings of a task's statements, as MaxCompute takes them."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in task.hints.items()}
    return texts | ({"odps.task.wlm.quota": task.quota} if task.quota else {})


def temporary_prefix(task: MaxComputeTask, context: TrialContext) -> str | None:
    """How the names of the trial's temporary tables begin, in small letters.

    Raises:
        PlaceholderError: a ``${…}`` can't be part of a name.
    """
    temporary = task.tables.temporary
    return render_name(temporary.prefix, context).lower() if temporary else None


@dataclass(frozen=True, slots=True)
class JobNames:
    """Names of the instances of one attempt: unique, so that one whose id was lost is found again.

    Attributes:
        place: the run's folder in the store, which no other run has.
        slot, task, attempt: which attempt.
    """

    place: str
    slot: int
    task: int
    attempt: int

    def of(self, step: Step, index: int) -> str:
        """The name of a step's instance, ``index`` being its place among the steps."""
        if step.once:
            return once_name(self.place, step.digest)
        return _named(self.place, f"{self.slot}.{self.task}.{self.attempt}.{index}.{step.digest}")


def once_name(place: str, digest: str, turn: int = 1) -> str:
    """The name of the instance that serves all trials of a run; ``turn`` counts the tries at it."""
    return _named(place, f"once.{digest}.{turn}")


def guid_of(name: str) -> str:
    """The mark by which the service knows a job that is posted twice."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"automl:{name}"))


def _named(place: str, what: str) -> str:
    return f"automl_{hashlib.sha256(f'{place}|{what}'.encode()).hexdigest()[:32]}"


Piece: TypeAlias = tuple[Statement, str, dict[str, str]]
"""A single statement: its item of the file, its text, and what SET says before it."""


def _all_pieces(task: MaxComputeTask) -> tuple[list[Piece], dict[str, str]]:
    """The single statements of a task, and the settings that hold after the last one.

    Raises:
        PlaceholderError: an item can't be split into its statements.
    """
    pieces: list[Piece] = []
    settings: dict[str, str] = {}
    for index, item in enumerate(task.statements):
        try:
            more, settings = _pieces(task, item, settings)
        except PlaceholderError as error:
            raise PlaceholderError(f"sql[{index}]: {error}") from None
        pieces += more
    return pieces, settings


def _pieces(task: MaxComputeTask, item: Statement, settings: dict[str, str]) -> tuple[list[Piece], dict[str, str]]:
    """The single statements of an item, and the settings that hold after it; a script stays whole."""
    pieces: list[Piece] = []
    texts, settings = split(item.sql), dict(settings)
    if not texts:
        raise PlaceholderError("nothing but comments, which can't be run")
    for number, text in enumerate(texts):
        setting = setting_of(text)
        if setting is not None:
            settings[setting[0]] = setting[1]
            continue
        mode = settings.get(SCRIPT_MODE, str(task.hints.get(SCRIPT_MODE, "")))
        if mode.lower() == "script" and not is_command(text):
            whole = item.sql.strip() if number == 0 else ";\n".join([*texts[number:], ""])
            return [*pieces, (item, whole, dict(settings))], settings
        pieces.append((item, text, dict(settings)))
    return pieces, settings


def _hints(task: MaxComputeTask, settings: dict[str, str], context: TrialContext) -> dict[str, str]:
    return hints_of(task) | {key: render_setting(value, context) for key, value in settings.items()}


def _step(
    task: MaxComputeTask, statement: Statement, text: str, number: int, label: str, hints: dict[str, str],
    context: TrialContext,
) -> Step:  # fmt: skip
    if is_command(text):
        command = render_command(text, context)
        shown = command.to_text()
        return Step(
            number, label, shown, _digest(shown, hints), hints, command=command, once=statement.once,
            timeout=statement.timeout,
        )  # fmt: skip
    sql = render_sql(text, context)
    temporary, prefix = task.tables.temporary, temporary_prefix(task, context) if not statement.once else None
    if temporary is not None and prefix is not None:
        sql = with_lifecycle(sql, prefix, temporary.lifecycle)
    return Step(number, label, sql, _digest(sql, hints), hints, once=statement.once, timeout=statement.timeout)


def _metric_step(
    metrics: SelectMetrics | TableMetrics, number: int, last: bool, hints: dict[str, str], context: TrialContext
) -> Step:
    source = metrics.sql if isinstance(metrics, SelectMetrics) else f"SELECT * FROM {metrics.table}"  # noqa: S608  # the file's own text, filled in below
    where = "metrics.sql" if isinstance(metrics, SelectMetrics) else "metrics.table"
    try:
        texts = split(source)
        if len(texts) != 1:
            raise PlaceholderError(f"one query is wanted here, found {len(texts)}")
        sql = render_sql(texts[0], context)
    except PlaceholderError as error:
        raise PlaceholderError(f"{where}: {error}") from None
    return Step(number, "metrics", sql, _digest(sql, hints), hints, metrics=True, last=last)


def _digest(text: str, hints: dict[str, str]) -> str:
    body = json.dumps([text, sorted(hints.items())])
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def check_task(task: MaxComputeTask, names: Iterable[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a task's statements before anything runs: the field, and a sentence.

    Args:
        task: the training task.
        names: parameters of the space.
    """
    known = list(names)
    settings: dict[str, str] = {}
    before: dict[str, str] = {}
    ran = False
    for index, item in enumerate(task.statements):
        place: tuple[str | int, ...] = ("sql",) if isinstance(task.sql, str) else ("sql", index)
        try:
            before, (pieces, settings) = settings, _pieces(task, item, settings)
            texts = [text for _, text, _ in pieces]
            ran = ran or bool(texts)
            for text in filter(is_command, texts):
                parse_command(text)
        except PlaceholderError as error:
            yield place, str(error)
            continue
        for key, value in settings.items():
            if before.get(key) != value:
                yield from ((place, f"SET {key}: {problem}") for problem in _unknown(value, known))
        for text in texts:
            yield from ((place, problem) for problem in ([] if is_command(text) else check_sql(text, known)))
    if not ran:
        yield ("sql",), "nothing but settings, which can't be run"
    if isinstance(task.metrics, SelectMetrics):
        yield from ((("metrics", "sql"), problem) for problem in check_sql(task.metrics.sql, known))


def shown(text: str, limit: int = 200) -> str:
    """The start of a statement in one line, for messages."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= limit else f"{line[:limit]}…"


def _unknown(text: str, names: Iterable[str]) -> list[str]:
    found = [problem_of(piece, names) for piece in parse(text) if isinstance(piece, Placeholder)]
    return [problem for problem in found if problem]
