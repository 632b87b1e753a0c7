"""A made-up person who labels: reads what is shown, is wrong a stated share of times, and takes stated seconds.

The demonstration of experiments/intents.annotation.yaml has two of them, each over REST as the user whom they are:

    AIRFLOW_USERNAME=anna AIRFLOW_PASSWORD=… python examples/annotate.py intents --error 0.03 --seconds 4
    AIRFLOW_USERNAME=ben AIRFLOW_PASSWORD=… python examples/annotate.py intents --error 0.06 --pace 1   # takes its time

They work as people on the page do: take some tasks, of which nobody else gets any, look at what is shown and at
nothing else, answer, take the next ones. What messages mean is known of examples/data/intents alone (make_intents.py);
for items of your own, give `Annotator` a function that reads them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import quote
from urllib.request import Request, urlopen

TOGETHER = 5
"""Tasks that are taken at once."""


@dataclass(frozen=True)
class Task:
    """A task that somebody has taken.

    Attributes:
        item: its id.
        shown: what is seen of it.
        digest: of that; goes along with the answer, so that it counts for nothing else.
    """

    item: str
    shown: Mapping[str, Any]
    digest: str = ""


@dataclass(frozen=True)
class Answer:
    """What somebody says of a task.

    Attributes:
        task: it.
        label: the class.
        seconds: that it took.
    """

    task: Task
    label: str
    seconds: float


class Desk(Protocol):
    """Where tasks are taken from, and answers are given."""

    def take(self, many: int) -> Sequence[Task]:
        """Some tasks that nobody else has; none where there is nothing to do now."""
        ...

    def give(self, answers: Sequence[Answer]) -> int:
        """Give answers. Returns how many were new."""
        ...


@dataclass
class RestDesk:
    """The page's own way, over REST, as whoever has signed in: they are the author.

    Attributes:
        annotation: ``AutoML(credentials).annotation("intents")`` of `automl_core.client`, or a `Page`.
    """

    annotation: Any

    def take(self, many: int) -> Sequence[Task]:
        """See `Desk`."""
        return [Task(each["item"], each["content"], each["shown"]) for each in self.annotation.claim(many)]

    def give(self, answers: Sequence[Answer]) -> int:
        """See `Desk`."""
        done = self.annotation.label_many(
            {"item": each.task.item, "label": each.label, "seconds": each.seconds, "shown": each.task.digest}
            for each in answers
        )
        for each in done["refused"]:
            print(f"{each['item']} is refused: {each['why']}", file=sys.stderr)
        return int(done["new"])


@dataclass
class Annotator:
    """Somebody who labels.

    Attributes:
        who: their name.
        read: what somebody sees who reads what is shown, by its columns.
        classes: what may be said.
        error: share of times that they say something else, which is drawn for each item once.
        seconds: that an answer takes them, on average.
        pace: how much of that really passes: 0 in a hurry, 1 as people do.
        sleep: how to wait.
    """

    who: str
    read: Callable[[Mapping[str, Any]], str]
    classes: Sequence[str]
    error: float = 0.0
    seconds: float = 4.0
    pace: float = 0.0
    sleep: Callable[[float], None] = time.sleep
    given: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Check each.

        Raises:
            ValueError: a share or a time that is none.
        """
        if not 0 <= self.error <= 1 or self.seconds <= 0 or self.pace < 0:
            raise ValueError("error is from 0 to 1, seconds are more than 0, pace is 0 or more")

    def answer(self, task: Task) -> Answer:
        """What they say of a task; of the same one always the same."""
        seed = hashlib.sha256(f"{self.who}\0{task.item}".encode()).digest()
        draw = random.Random(seed)
        right = self.read(task.shown)
        others = [each for each in self.classes if each != right]
        label = draw.choice(others) if draw.random() < self.error else right
        return Answer(task, label, round(self.seconds * draw.lognormvariate(-0.08, 0.4), 2))

    def work(self, desk: Desk, *, wanted: Callable[[], bool], pause: float = 1.0) -> int:
        """Answer whatever there is, until nobody wants any more.

        Args:
            desk: where tasks come from.
            wanted: asked before each look for tasks.
            pause: seconds between two looks where there was nothing.

        Returns:
            How many answers were new.
        """
        while wanted():
            tasks = desk.take(TOGETHER)
            answers = []
            for task in tasks:
                answers.append(self.answer(task))
                if self.pace:
                    self.sleep(answers[-1].seconds * self.pace)
            if answers:
                self.given += desk.give(answers)
            else:
                self.sleep(pause)
        return self.given


def reader_of(truth: Mapping[str, str], column: str = "text") -> Callable[[Mapping[str, Any]], str]:
    """Reads a text and knows what it wants.

    Args:
        truth: text → class.
        column: that has the text.
    """

    def read(shown: Mapping[str, Any]) -> str:
        return truth[str(shown[column])]

    return read


class Page:
    """What the page for labelling asks of its server, without any library.

    Args:
        url: of Airflow's API server.
        project: name of the annotation project.
        user, password: who signs in.
    """

    def __init__(self, url: str, project: str, user: str, password: str) -> None:
        self._url, self._headers = url.rstrip("/"), {"X-AutoML-Request": "1"}
        token = self._post("/auth/token", {"username": user, "password": password})["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"
        self._place = f"/automl/api/v1/annotations/{quote(project, safe='')}"

    def claim(self, many: int) -> list[dict[str, Any]]:
        """Tasks for whoever has signed in."""
        return list(self._post(f"{self._place}/tasks", {"many": many})["tasks"])

    def label_many(self, labels: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Give answers."""
        return self._post(f"{self._place}/labels", {"labels": [dict(each) for each in labels]})

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {**self._headers, "Content-Type": "application/json"}
        request = Request(self._url + path, json.dumps(body).encode(), headers)  # noqa: S310 (who calls it says where)
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return dict(json.load(answer))


def main(argv: Sequence[str] | None = None) -> None:
    """Label for a project until there is nothing to do for a while."""
    parser = argparse.ArgumentParser(
        description="Label as somebody who reads the messages of examples/data/intents. Whoever AIRFLOW_USERNAME and "
        "AIRFLOW_PASSWORD name is the author."
    )
    parser.add_argument("project")
    parser.add_argument("--server", default="http://localhost:8080", help="address of Airflow's API server")
    parser.add_argument("--error", type=float, default=0.03, help="share of wrong answers")
    parser.add_argument("--seconds", type=float, default=4.0, help="that an answer takes, on average")
    parser.add_argument("--pace", type=float, default=0.0, help="how much of that really passes: 0 to 1")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds without a task after which they go home")
    given = parser.parse_args(argv)
    who, password = os.environ["AIRFLOW_USERNAME"], os.environ["AIRFLOW_PASSWORD"]

    intents = import_module("make_intents")  # which lies beside this program
    annotator = Annotator(
        who, reader_of(intents.truth()), tuple(intents.SHARES), given.error, given.seconds, given.pace
    )
    desk = RestDesk(Page(given.server, given.project, who, password))
    last, before = time.monotonic(), 0

    def wanted() -> bool:
        nonlocal last, before
        if annotator.given != before:
            last, before = time.monotonic(), annotator.given
            print(f"{who} has labelled {before}", flush=True)
        return time.monotonic() - last < given.patience

    annotator.work(desk, wanted=wanted)


if __name__ == "__main__":
    main()
