"""The ledger line by line: every answer that was ever given, with what it cost and what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from automl_core.annotation.ledger.facts import Answer
from automl_core.annotation.ledger.ledger import Ledger
from automl_core.results.leaderboard import csv_cell

COLUMNS = (
    "item", "label", "author", "source", "seconds", "price", "currency", "time", "round", "kind", "where", "standing",
    "sets", "models", "ended", "why",
)  # fmt: skip
"""Of a line, in their order."""

AT_ONCE = 1000
"""Lines that are made ready at a time."""

GOLD = "gold"
"""Kind of answers that are known beforehand."""


def lines(
    ledger: Ledger, name_of: Callable[[int], str], first: int = 0, many: int | None = None, *,
    reader: str | None = None, labels: bool = False,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Answers in the order in which they came.

    Args:
        ledger: whose.
        name_of: number of an item → its id.
        first: place of the first one, from 0.
        many: at most; all when left out.
        reader: a person who may label, too, so who is not to learn known answers (gold) nor what others say of an item
            while people are asked about it: such labels are left out, and of all answers to items with known ones which
            item it is. Nobody in particular where it is None: everything is told.
        labels: whether the reader is one of those who label. An answer without its item would then tell all the same:
            by its author and its time, or as the one that is missing among their own, it is found among the items. So
            all answers are told alike, with their item, and of none why it was asked for and what became of it; known
            answers come last, without the time that says where among the others they came.
    """
    facts, found = ledger.facts, ledger.uses
    trained: dict[int, list[str]] = {}
    for each in facts.trainings:
        if each.model is not None:
            trained.setdefault(each.data_set, []).append(_model(each.model, f"{each.experiment}/{each.run}"))
    alike = reader is not None and labels and bool(facts.gold)
    order: Sequence[int] = range(len(found))
    if alike:
        order = sorted(order, key=lambda place: _is_known(facts.answers[place]))
    for place in order[first : None if many is None else first + many]:
        answer, use = facts.answers[place], found[place]
        models = dict.fromkeys(name for number in use.sets for name in trained.get(number, ()))
        label, item = answer.label, name_of(answer.item)
        time: float | None = answer.time
        round: int | None = answer.round or None
        kind, standing, sets = answer.kind, str(use.standing), list(use.sets)
        if alike:
            kind, standing, sets, models = "", "", [], {}
            if _is_known(answer):
                label, item, time, round = None, "", None, None
            elif answer.item in facts.asked and answer.author != reader:
                label = None
        elif reader is not None:
            if answer.item in facts.gold or _is_known(answer):
                label, item = None, ""  # a person's answer to it has its kind, which would tell
            elif answer.item in facts.asked and answer.author != reader:
                label = None
        yield {
            "item": item, "label": label, "author": answer.author, "source": answer.source,
            "seconds": answer.seconds, "price": answer.price, "currency": facts.currency, "time": time,
            "round": round, "kind": kind, "where": answer.where, "standing": standing,
            "sets": sets, "models": list(models), "ended": answer.ended, "why": answer.why,
        }  # fmt: skip


def _is_known(answer: Answer) -> bool:
    """Whether it is a known answer, which came with the data."""
    return answer.kind == GOLD and answer.source == "imported"


def _model(model: Any, otherwise: str) -> str:
    """What a model version is called: ``name 3`` where it is a version of a model, else the run that made it."""
    if model.get("name") and model.get("version"):
        return f"{model['name']} {model['version']}"
    return otherwise


def csv_lines(
    ledger: Ledger, name_of: Callable[[int], str], first: int = 0, many: int | None = None, *,
    reader: str | None = None, labels: bool = False,
) -> Iterator[str]:  # fmt: skip
    """The same as CSV (RFC 4180), some lines at a time, the head first; see `lines`.

    Lists have semicolons between. Text that a spreadsheet would take for a formula gets an apostrophe before it: labels
    come from people and from files.
    """
    yield _written([COLUMNS])
    held: list[list[Any]] = []
    for each in lines(ledger, name_of, first, many, reader=reader, labels=labels):
        held.append([_cell(each[column]) for column in COLUMNS])
        if len(held) >= AT_ONCE:
            yield _written(held)
            held = []
    if held:
        yield _written(held)


def _written(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return csv_cell(";".join(str(each) for each in value) if isinstance(value, list) else value)
