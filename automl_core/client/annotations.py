"""An annotation project from Python: how it stands, items and labels, its ledger as plain data and as pandas frames.

``project = automl.annotation("intents"); for task in project.claim(10): project.label(task["item"], "order")``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from automl_core.client.errors import Conflict
from automl_core.client.frames import frame

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML

_PAGE = 200
_LINES = 10_000

MOST_AT_ONCE = 200
"""Labels that one request takes."""


class Annotation:
    """An annotation project, by its name. Everything is asked of the server when it is called."""

    def __init__(self, client: AutoML, name: str) -> None:
        self.client, self.name = client, name

    def __repr__(self) -> str:
        return f"Annotation({self.name!r})"

    @property
    def path(self) -> str:
        """Its place in the API."""
        return f"/annotations/{quote(self.name, safe='')}"

    def get(self, part: str = "", **parameters: Any) -> dict[str, Any]:
        """A part of it as the API has it, such as ``rounds`` (docs/rest.md)."""
        return self.client.ask("GET", f"{self.path}/{part}" if part else self.path, params=parameters)

    def act(self, part: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do something in it. Returns what the server says."""
        return self.client.ask("POST", f"{self.path}/{part}", json=dict(body))

    # --- how it stands ------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """How it stands: items by state, the open batch, who is at work, what this user can do.

        Raises:
            NotKnown: there is no such project.
        """
        return self.get()

    def items(self, **filters: str) -> Iterator[dict[str, Any]]:
        """Its items in the order in which they came, page by page as they are asked for.

        Args:
            filters: ``search``, ``state`` (with commas between), ``label``, ``author``.
        """
        yield from self._pages("items", "items", **filters)

    def item(self, id: str) -> dict[str, Any]:
        """One item with every label that it has had.

        Raises:
            NotKnown: there is no such item.
        """
        return self.get(f"items/{quote(id, safe='')}")

    # --- labelling ----------------------------------------------------------------------------

    def claim(self, many: int = 10) -> list[dict[str, Any]]:
        """Take items to label, the most useful first: each with ``item``, ``content``, ``shown`` and ``until``.

        Nobody else gets them until then. With votes for each item, several people do; nobody gets one twice.

        Raises:
            AuthError: this user is none of those who label.
            Conflict: people label elsewhere, or the project's file is gone.
        """
        return list(self.act("tasks", {"many": many})["tasks"])

    def label(
        self, item: str | Mapping[str, Any], label: str | None, *, seconds: float | None = None,
        instead_of: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Answer one item.

        Args:
            item: its id; or a task as `claim` has it, so that an answer to another text than is there now is refused.
            label: one of the classes; None where it can't be told.
            seconds: how long it took.
            instead_of: this user's former answer that it takes the place of; ``""`` for a skipped one.

        Returns:
            ``new``, ``same``, ``changed``: one of them 1.

        Raises:
            Conflict: it was refused; the message says why.
        """
        given: dict[str, Any] = {
            "item": item if isinstance(item, str) else item["item"], "label": label or "", "skipped": label is None,
            "seconds": seconds, "shown": None if isinstance(item, str) else item.get("shown"), "was": instead_of,
        }  # fmt: skip
        found = self.label_many([given])
        if found["refused"]:
            raise Conflict(str(found["refused"][0]["why"]))
        return found

    def label_many(self, labels: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Answer many items: each with ``item``, ``label``, and as wanted ``skipped``, ``seconds``, ``shown``, ``was``.

        Those that were sent before are the same again, so a call that failed half way may be repeated whole.

        Returns:
            ``new``, ``same``, ``changed``: how many; ``refused``: items with why.
        """
        found: dict[str, Any] = {"new": 0, "same": 0, "changed": 0, "refused": []}
        rest = iter(labels)
        while some := [dict(each) for each in islice(rest, MOST_AT_ONCE)]:
            body = self.act("labels", {"labels": some})
            for name in ("new", "same", "changed"):
                found[name] += int(body[name])
            found["refused"] += body["refused"]
        return found

    def release(self, items: Sequence[str] | None = None) -> int:
        """Give items back, so that others get them at once: all that this user has when left out. Returns how many."""
        return int(self.act("release", {"items": list(items) if items is not None else None})["released"])

    # --- the ledger ---------------------------------------------------------------------------

    def ledger(self) -> dict[str, Any]:
        """What labels cost, how many are used, how right they are, what they brought (docs/annotation-ledger.md)."""
        return self.get("ledger")

    @property
    def labels(self) -> Any:
        """Every answer that was ever given as a pandas DataFrame: cost, and what became of it."""
        pages, offset = [], 0
        while True:
            page = self.get("ledger/labels", offset=offset, limit=_LINES)
            pages.append(page["columns"])
            count = len(page["columns"]["item"])
            offset += count
            if not count or offset >= page["matched"]:
                return frame(pages)

    @property
    def authors(self) -> Any:
        """Who has labelled how much, for how much, and how rightly, as a pandas DataFrame, indexed by author."""
        found = self.ledger()
        right = {each["author"]: each for each in found["right"]["authors"]}
        rows = []
        for each in found["cost"]["by_author"]:
            held = right.get(each["author"], {})
            gold = held.get("gold", {})
            rows.append(
                {
                    **each, "gold": gold.get("value"), "gold_low": gold.get("low"), "gold_high": gold.get("high"),
                    "gold_items": gold.get("of"), "verdict": held.get("verdict"), "estimated": held.get("estimated"),
                    "estimated_low": held.get("low"), "estimated_high": held.get("high"),
                    "shared_items": held.get("items"),
                }
            )  # fmt: skip
        return _frame(rows, "author")

    @property
    def rounds(self) -> Any:
        """The rounds as a pandas DataFrame, indexed by number: labels, cost, accuracy and gain with their intervals."""
        rows = []
        for each in self.get("rounds")["rounds"]:
            step = each["brought"] or {}
            accuracy, gain = step.get("accuracy") or {}, step.get("gain") or {}
            rows.append(
                {
                    "round": each["round"], "begun": each["begun"], "ended": each["ended"],
                    "answers": each["answers"]["labels"] + each["answers"]["skipped"], "cost": each["answers"]["cost"],
                    "seconds": each["answers"]["seconds"], "labels_so_far": step.get("labels"),
                    "cost_so_far": step.get("cost"),
                    "model": step.get("model"), "accuracy": accuracy.get("value"), "accuracy_low": accuracy.get("low"),
                    "accuracy_high": accuracy.get("high"), "judged_on": accuracy.get("of"), "gain": gain.get("value"),
                    "gain_low": gain.get("low"), "gain_high": gain.get("high"), "gain_on": gain.get("items"),
                }
            )  # fmt: skip
        return _frame(rows, "round")

    def cases(self, state: str = "") -> Any:
        """Bad cases with their items as a pandas DataFrame, regressed ones first.

        Args:
            state: ``open``, ``fixed``, ``regressed``, with commas between; all when left out.
        """
        return _frame(list(self._pages("cases/rows", "cases", state=state)))

    @property
    def suspects(self) -> Any:
        """Labels that are probably wrong as a pandas DataFrame, the most suspected first."""
        return _frame(list(self._pages("suspects", "suspects")))

    def _pages(self, part: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self.get(part, offset=offset, limit=_PAGE, **parameters)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["matched"]:
                return


def _frame(rows: Sequence[Mapping[str, Any]], index: str | None = None) -> Any:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return frame([columns], index=index if rows else None)
