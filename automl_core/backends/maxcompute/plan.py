"""What a training task runs in a trial: its statements, filled in and named, in order."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from automl_core.backends.contract import TrialContext
from automl_core.backends.maxcompute.ddl import with_lifecycle
from automl_core.backends.maxcompute.lexer import significant, split, tokenize
from automl_core.backends.maxcompute.pai import Command, is_command, parse_command, render_command
from automl_core.backends.maxcompute.rendering import check_sql, render_name, render_sql
from automl_core.backends.template import TemplateError
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
        digest: the same for the same work in the same project with the same hints.
    """

    number: int
    label: str
    text: str
    digest: str
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
        TemplateError: a ``${…}`` can't be filled in; the message says in which statement.
    """
    hints = hints_of(task)
    steps: list[Step] = []
    pieces = [piece for index, item in enumerate(task.statements) for piece in _pieces(task, item, index)]
    metrics = task.metrics if isinstance(task.metrics, SelectMetrics | TableMetrics) else None
    for number, (statement, text) in enumerate(pieces, 1):
        last = number == len(pieces)
        label = statement.name or f"statement {number}"
        try:
            step = _step(task, statement, text, number, label, hints, context)
        except TemplateError as error:
            raise TemplateError(f"sql, {label}: {error}") from None
        steps.append(step)
        if metrics is not None and (last or (metrics.after == "each" and not statement.once)):
            steps.append(_metric_step(metrics, number, last, hints, context))
    return steps


def hints_of(task: MaxComputeTask) -> dict[str, str]:
    """The settings of a task's statements, as MaxCompute takes them."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in task.hints.items()}
    return texts | ({"odps.task.wlm.quota": task.quota} if task.quota else {})


def temporary_prefix(task: MaxComputeTask, context: TrialContext) -> str | None:
    """How the names of the trial's temporary tables begin, in small letters.

    Raises:
        TemplateError: a ``${…}`` can't be part of a name.
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


def _pieces(task: MaxComputeTask, item: Statement, index: int) -> list[tuple[Statement, str]]:
    """The single statements of an item; a script stays whole."""
    if str(task.hints.get(SCRIPT_MODE, "")).lower() == "script" and not is_command(item.sql):
        return [(item, item.sql.strip())]
    try:
        texts = split(item.sql)
    except TemplateError as error:
        raise TemplateError(f"sql[{index}]: {error}") from None
    if not texts:
        raise TemplateError(f"sql[{index}]: nothing but comments, which can't be run")
    return [(item, text) for text in texts]


def _step(
    task: MaxComputeTask, statement: Statement, text: str, number: int, label: str, hints: dict[str, str],
    context: TrialContext,
) -> Step:  # fmt: skip
    if is_command(text):
        command = render_command(text, context)
        shown = command.to_text()
        return Step(
            number, label, shown, _digest(shown, hints), command=command, once=statement.once,
            timeout=statement.timeout,
        )  # fmt: skip
    sql = render_sql(text, context)
    temporary, prefix = task.tables.temporary, temporary_prefix(task, context) if not statement.once else None
    if temporary is not None and prefix is not None:
        sql = with_lifecycle(sql, prefix, temporary.lifecycle)
    return Step(number, label, sql, _digest(sql, hints), once=statement.once, timeout=statement.timeout)


def _metric_step(
    metrics: SelectMetrics | TableMetrics, number: int, last: bool, hints: dict[str, str], context: TrialContext
) -> Step:
    source = metrics.sql if isinstance(metrics, SelectMetrics) else f"SELECT * FROM {metrics.table}"  # noqa: S608  # the file's own text, filled in below
    where = "metrics.sql" if isinstance(metrics, SelectMetrics) else "metrics.table"
    try:
        texts = split(source)
        if len(texts) != 1:
            raise TemplateError(f"one query is wanted here, found {len(texts)}")
        sql = render_sql(texts[0], context)
    except TemplateError as error:
        raise TemplateError(f"{where}: {error}") from None
    return Step(number, "metrics", sql, _digest(sql, hints), metrics=True, last=last)


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
    for index, item in enumerate(task.statements):
        field: tuple[str | int, ...] = ("sql",) if isinstance(task.sql, str) else ("sql", index)
        try:
            texts = [text for _, text in _pieces(task, item, index)]
            for text in filter(is_command, texts):
                parse_command(text)
        except TemplateError as error:
            yield field, str(error).removeprefix(f"sql[{index}]: ")
            continue
        for text in texts:
            yield from ((field, problem) for problem in ([] if is_command(text) else check_sql(text, known)))
    if isinstance(task.metrics, SelectMetrics):
        yield from ((("metrics", "sql"), problem) for problem in check_sql(task.metrics.sql, known))


def shown(text: str, limit: int = 200) -> str:
    """The start of a statement in one line, for messages."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= limit else f"{line[:limit]}…"
