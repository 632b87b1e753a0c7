"""What a project of annotation does in a Label Studio: a batch's tasks go there, labels come back.

Nothing is kept here: what was sent stands in Label Studio, what came back in the project's journal. So any of this can
die anywhere and be done again, by another process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx

from automl_core.annotation.items import NoSuchItem
from automl_core.annotation.label_studio.answers import Answer, Unread, answer, newest
from automl_core.annotation.label_studio.errors import StudioError
from automl_core.annotation.label_studio.projects import Found, find_project, mark, title_of
from automl_core.annotation.label_studio.server import LATE, Server
from automl_core.annotation.label_studio.showing import columns_of, configuration_of, data_of
from automl_core.annotation.label_studio.tasks import Place, Prediction, Sent, Task, Wanted, annotated, send, tidy
from automl_core.annotation.project import Label, Labelled, Person, Project
from automl_core.annotation.project.answering import spelled

if TYPE_CHECKING:
    from automl_core.annotation.file.annotation import AnnotationFile

WHERE = "label-studio"
"""Where such labels come from, in the journal; and where batches go, as `people.where` says it."""

LED = frozenset({"useful"})
"""Kinds of choices whose tasks may show a prediction. On all others people are asked because what they say measures
somebody, or because a model was wrong: whoever has seen an answer gives it more often."""

TOGETHER = 500
"""Answers that are recorded together, at least."""

OVERLAP = 300.0
"""Seconds that looks overlap: what was written last may be seen late."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What came of sending a batch.

    Attributes:
        project: number of the project in Label Studio.
        link: address of its tasks, for people.
        made: whether the project was made just now.
        sent: what became of the tasks.
        notes: what people should know, in words.
    """

    project: int
    link: str
    made: bool
    sent: Sent
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a line."""
        told = f"{len(self.sent.new)} tasks are new, {len(self.sent.known)} were there"
        more = f", {len(self.sent.refused)} were refused" if self.sent.refused else ""
        gone = f", {len(self.sent.removed)} that nobody had answered were taken away" if self.sent.removed else ""
        return f"{self.link}: {told}{more}{gone}"


@dataclass(slots=True)
class Collected:
    """What came of a look for labels.

    Attributes:
        labelled: what the journal made of them; refused ones are in `problems`, too.
        read: how many answers there were.
        problems: annotations that gave no label, and labels that were refused: each a line.
        notes: what else people should know, in words.
        until: give it to the next look as ``since``; None where nothing was there.
    """

    labelled: Labelled = field(default_factory=Labelled)
    read: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    until: float | None = None

    def __str__(self) -> str:
        """As a line."""
        made = self.labelled
        told = f"{made.new} labels are new, {made.changed} changed, {made.same} stood already"
        return told + (f", {len(self.problems)} can't be taken" if self.problems else "")


class Studio:
    """A Label Studio, asked as whose token it is. Use it in a ``with`` statement; not shared between threads."""

    def __init__(
        self, url: str, token: str, *, transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep, timeout: httpx.Timeout | float = LATE,
    ) -> None:  # fmt: skip
        """Asks nothing yet; see `Server`.

        Raises:
            StudioError: the address or the token can't be used.
        """
        self.server = Server(url, token, transport=transport, sleep=sleep, timeout=timeout)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self.server.close()

    def sync(
        self, project: Project, file: AnnotationFile, batch: int,
        predictions: Mapping[str, Prediction] | None = None,
    ) -> Synced:  # fmt: skip
        """See that each open item of a batch is a task once. The same again does nothing.

        Tasks of items that people are not asked about any more are taken away, unless somebody has answered them.

        Args:
            project: its journal.
            file: its file.
            batch: number.
            predictions: item → what a model thinks. Shown with useful items alone; with none where the file says so.

        Raises:
            StudioAway: Label Studio can't be asked now; sending again goes on from there.
            StudioError: it refuses, or people could not choose a class there.
            StorageError: the project's store refuses or is away.
        """
        state = project.refresh()
        if batch not in state.batches:
            raise StudioError(f"{project.name} has no batch {batch}")
        numbers = state.open_tasks(batch)
        kinds = state.batches[batch].kinds
        any_item = project.catalog.shown(project.catalog.id_of(0))
        found = self._find(project, file, any_item, make=True)
        columns = columns_of(file, any_item)
        led = predictions if file.label_studio is None or file.label_studio.predictions else None
        wanted = []
        for number in numbers:
            item = project.catalog.id_of(number)
            guess = led.get(item) if led is not None and kinds.get(number) in LED else None
            if guess is not None and guess.label not in found.configuration.choices:
                guess = None
            wanted.append(Wanted(item, data_of(project.catalog.shown(item), columns, found.configuration), guess))
        needed = {project.catalog.id_of(number) for each in state.open_batches(WHERE) for number in
                  state.open_tasks(each.number)} | {each.item for each in wanted}  # fmt: skip
        control = (found.configuration.control, found.configuration.shown)
        sent = send(self._place(project, found), wanted, control, self._sleep, needed)
        notes = [*found.notes, *(f"item {item} is not in Label Studio: {why}" for item, why in sent.refused.items())]
        return Synced(found.id, f"{self.server.url}/projects/{found.id}/data", found.new, sent, tuple(notes))

    def collect(
        self, project: Project, file: AnnotationFile, by: Person | None = None, since: float | None = None
    ) -> Collected:
        """Take in the labels that are there. The same again adds nothing.

        Args:
            project: its journal.
            file: its file.
            by: who brings them; the project's DAG when left out.
            since: ``until`` of the look before: only what has changed is read. Left out, all is, and doubles go.

        Raises:
            StudioAway: Label Studio can't be asked now; collecting again makes it good.
            StudioError: it refuses, or there is no project there yet.
            StorageError: the project's store refuses or is away.
        """
        state = project.refresh()
        told = Collected()
        if not state.count:
            return told
        found = self._find(project, file, project.catalog.shown(project.catalog.id_of(0)), make=False)
        place = self._place(project, found)
        told.notes += found.notes
        users = self.server.get("/api/users/")
        people = {int(each["id"]): str(each["email"]) for each in users if each.get("email")}
        by = by or Person(f"{file.name}.annotation", "dag")
        answers: list[Answer] = []
        there: set[tuple[str, str]] = set()
        latest = None
        for task, whole in annotated(place, since):
            latest = max(latest or 0.0, _time(whole.get("updated_at")))
            answers += self._read(project, file, found, task, whole, people, told)
            if len(answers) >= TOGETHER:  # what is recorded is not lost with whoever reads on
                there |= self._take(project, newest(answers), by, told)
                answers = []
        there |= self._take(project, newest(answers), by, told)
        told.until = since if latest is None else max(latest - OVERLAP, since or 0.0)
        if since is None:
            self._whole_look(project, place, there, told)
        return told

    # --- how ------------------------------------------------------------------------------------

    def _find(self, project: Project, file: AnnotationFile, content: Mapping[str, Any], *, make: bool) -> Found:
        named = file.label_studio.project if file.label_studio is not None else None
        return find_project(
            self.server, mark(project.name, project.store.url), title_of(project.name),
            configuration_of(file, content), named=named, votes=file.people.votes, make=make,
        )  # fmt: skip

    def _place(self, project: Project, found: Found) -> Place:
        return Place(self.server, found.id, mark(project.name, project.store.url))

    def _read(
        self, project: Project, file: AnnotationFile, found: Found, task: Task, whole: Mapping[str, Any],
        people: Mapping[int, str], told: Collected,
    ) -> list[Answer]:  # fmt: skip
        """The answers of a task; what gives none is told."""
        answers = []
        for each in whole.get("annotations") or ():
            told.read += 1
            read = answer(each, task.id, task.item, task.now, found.configuration, file.labels.classes, people)
            if isinstance(read, Answer):
                read = _as_named(read, file.people.who)
                why = self._foreign(project, file, task, read)
                if why is None:
                    answers.append(read)
                    continue
                read = Unread(task.id, read.annotation, task.item, why)
            told.problems.append(str(read))
        return answers

    def _foreign(self, project: Project, file: AnnotationFile, task: Task, read: Answer) -> str | None:
        """Why a label is none of this project's; None where it is."""
        try:
            project.catalog.number_of(task.item)
        except NoSuchItem as error:
            return str(error)
        if task.now != task.sent:
            return (
                f"the task was changed in Label Studio: it shows {task.now}, and {task.sent} was sent; a label belongs "
                "to what its author has seen"
            )
        who = file.people.who
        if who is not None and read.author not in who:
            return f"its author {read.author} is none of `people.who`: {', '.join(who)}"
        return None

    def _take(self, project: Project, answers: list[Answer], by: Person, told: Collected) -> set[tuple[str, str]]:
        """Record answers; returns (item, author) of them."""
        labels = [
            Label(
                each.item, each.label, each.author, seconds=each.seconds, time=each.time, skipped=each.skipped,
                where=WHERE, shown=each.item,
            )
            for each in answers
        ]  # fmt: skip
        places = dict(enumerate(answers))
        given = {(each.item, each.author) for each in answers}
        for each in answers:  # what somebody else has changed there, whoever made it says no more
            author = each.instead_of
            if author is None or (each.item, author) in given:
                continue
            vote = project.state.answer_by(project.catalog.number_of(each.item), author)
            if vote is not None and vote.where == WHERE and not vote.skipped and vote.time < each.time:
                labels.append(Label(each.item, "", author, time=each.time, skipped=True, where=WHERE))
                told.notes.append(
                    f"item {each.item}: {each.author} changed the label of {author} in Label Studio; it is theirs now, "
                    f"and {author}'s counts as skipped"
                )
        made = project.label(labels, by)
        before = told.labelled
        told.labelled = Labelled(
            before.new + made.new, before.same + made.same, before.changed + made.changed,
            [*before.refused, *made.refused],
        )  # fmt: skip
        for place, why in made.refused:
            one = places.get(place)
            where = f"task {one.task}, annotation {one.annotation} " if one is not None else ""
            told.problems.append(f"{where}(item {labels[place].item}): {why}")
        return given

    def _whole_look(self, project: Project, place: Place, there: set[tuple[str, str]], told: Collected) -> None:
        """What only a look at everything shows: doubles, and labels that are there no more."""
        swept = Sent()
        tidy(place, swept)
        if swept.removed:
            told.notes.append(f"{len(swept.removed)} tasks were there twice: those that nobody had answered are gone")
        gone = sum(
            1 for _, vote in project.state.counting()
            if vote.where == WHERE and not vote.skipped and (project.catalog.id_of(vote.item), vote.author) not in there
        )  # fmt: skip
        if gone:
            told.notes.append(f"{gone} labels that came from Label Studio are not there any more; they are kept")


def _as_named(read: Answer, who: Iterable[str] | None) -> Answer:
    """An answer whose author, and who had made it before, are spelled as `people.who` does."""
    if who is None:
        return read
    before = read.instead_of
    return replace(
        read, author=spelled(read.author, who) or read.author,
        instead_of=(spelled(before, who) or before) if before is not None else None,
    )  # fmt: skip


def _time(value: Any) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return 0.0
