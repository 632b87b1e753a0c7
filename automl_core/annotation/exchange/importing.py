"""Labels that people gave somewhere else, from a file: what is wrong is told with line and field, the rest is taken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from automl_core.annotation.exchange.exporting import shown_of
from automl_core.annotation.exchange.lines import Line, read_lines
from automl_core.annotation.items import BadItem, NoSuchItem, item_id
from automl_core.annotation.items.content import id_of
from automl_core.annotation.project import Label, Labelled, Person, Project, Source
from automl_core.annotation.project.answering import classes_of
from automl_core.annotation.project.authors import Authors, NotAllowed
from automl_core.journal.persons import moment
from automl_core.spec.errors import Problem, did_you_mean, show

WHERE = "file"
"""Where such labels come from, in the journal."""


@dataclass(slots=True)
class Imported:
    """What became of a file of labels.

    Attributes:
        labelled: what the journal made of those that could be read; what it refused is among the problems, too.
        problems: what is wrong, with line and field: an ``error`` where a line was not taken, else a ``warning``.
        unanswered: lines that say nothing: exported, and not filled in.
    """

    labelled: Labelled = field(default_factory=Labelled)
    problems: list[Problem] = field(default_factory=list)
    unanswered: int = 0

    @property
    def refused(self) -> list[Problem]:
        """Those of the problems for which a line was not taken."""
        return [each for each in self.problems if each.severity == "error"]

    def __str__(self) -> str:
        """As a line."""
        made = self.labelled
        told = f"{made.new} labels are new, {made.changed} changed, {made.same} stood already"
        refused = len(self.refused)
        return told + (f", {self.unanswered} lines say nothing" if self.unanswered else "") + (
            f", {refused} lines were refused" if refused else ""
        )  # fmt: skip


def import_labels(
    project: Project, lines: Iterable[str | bytes], by: Person, source: Source = Source.PERSON, *, author: str = "",
    file: str = "",
) -> Imported:  # fmt: skip
    """Take in labels. The same file again adds nothing, and undoes nothing that was said since.

    Another file that says of an item what an earlier one had said, after one between has said otherwise, says something
    new. Of a file that was brought before that is never so: a line is to have its `time` then.

    Args:
        project: its journal.
        lines: JSON, an object each: as `export_tasks` writes them, filled in; or simply what is shown, and ``label``.
        by: who brings them.
        source: people who looked at the items, or labels that are from elsewhere (``imported``).
        author: of lines that name none. Where `people.who` names roles, which a file can't show, whoever brings the
            labels vouches for this person, and for themselves (`authors`); a warning says so.
        file: what to call the file in problems.

    Returns:
        What became of them, and every problem.

    Raises:
        StorageError: the store refuses or is away. Bringing them again makes it good.
    """
    project.refresh()
    told, finder, digest = Imported(), _Finder(project), _Digest(source, author)
    authors, vouched = Authors(project.state, (author, by.name)), set[str]()
    labels: list[Label] = []
    read: list[Line] = []
    said: dict[tuple[str, str], Line] = {}
    for line in read_lines(digest.through(lines), file):
        if isinstance(line, Problem):
            told.problems.append(line)
            continue
        if not line.answered:
            told.unanswered += 1
            continue
        found = _label(finder, project, line, source, authors, author, file)
        if isinstance(found, Problem):
            told.problems.append(found)
            continue
        if source is Source.PERSON and found.author not in vouched and authors.allowed(found.author).vouched:
            vouched.add(found.author)
            words = f"whether {found.author} has {' or '.join(authors.roles)} can't be asked here: {by.name} vouches"
            told.problems.append(Problem(words, ("author",), file, line.number, severity="warning"))
        told.problems += _slips(line, file)
        if line.batch is not None and line.batch not in project.state.batches:
            words = f"there is no batch {line.batch}, of {len(project.state.batches)}: the label is taken all the same"
            told.problems.append(Problem(words, ("batch",), file, line.number, severity="warning"))
        before = said.setdefault((found.item, found.author), line)
        if (before.label, before.skipped) != (line.label, line.skipped):
            words = f"{found.author} says {_words(line)} of an item of which line {before.number} says {_words(before)}"
            told.problems.append(
                Problem(f"{words}; the later line counts", ("label",), file, line.number, severity="warning")
            )
            said[found.item, found.author] = line
        labels.append(found)
        read.append(line)
    if labels:
        brought = project.state.brought.get(digest.told)
        labels = _told_again(labels, whole=brought is not None)
        if brought is not None:
            told.problems += _said_since(project, labels, read, file, brought)
        told.labelled = project.label(labels, by, file=digest.told)
        for place, why in told.labelled.refused:
            told.problems.append(Problem(why, (), file, read[place].number))
        told.problems += _unheard(project, labels, read, file)
    told.problems.sort(key=lambda each: each.line or 0)
    return told


class _Digest:
    """Of a file that is read through it: of what it says, as whom."""

    def __init__(self, source: Source, author: str) -> None:
        self._hash = hashlib.blake2b(f"{source}\0{author}\0".encode(), digest_size=16, person=b"automl-labels")

    def through(self, lines: Iterable[str | bytes]) -> Iterator[str | bytes]:
        """The same lines."""
        for line in lines:
            raw = line.encode(errors="surrogatepass") if isinstance(line, str) else line
            self._hash.update(raw.strip() + b"\n")
            yield line

    @property
    def told(self) -> str:
        """Of what was read so far."""
        return self._hash.hexdigest()


def _told_again(labels: Sequence[Label], *, whole: bool) -> list[Label]:
    """Labels, with a mark at those that are told once more, or that a later line of the same file takes the place of.

    Args:
        labels: of a file.
        whole: whether all of it was brought before.
    """
    last = {(each.item, each.author): place for place, each in enumerate(labels)}
    return [replace(each, again=whole or last[each.item, each.author] != place) for place, each in enumerate(labels)]


def _said_since(
    project: Project, labels: Sequence[Label], read: Sequence[Line], file: str, brought: float
) -> Iterator[Problem]:
    """Lines of a file that was brought before, whose authors have said otherwise since: they change nothing."""
    for label, line in zip(labels, read, strict=True):
        now = project.state.answer_by(project.catalog.number_of(label.item), label.author)
        if label.time is None and now is not None and (now.label, now.skipped) != (label.label, label.skipped):
            yield Problem(
                f"this very file was brought at {moment(brought)}, and {label.author} has said otherwise since: that "
                "stands", (), file, line.number, severity="warning",
                suggestion="Where it is to count anew, say `time`: when it was given",
            )  # fmt: skip


class _Finder:
    """From what a line says of its item to the item."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._by_shown: dict[str, list[str]] | None = None
        items = project.state.document.get("items")
        named = items if isinstance(items, dict) else {}
        self._columns = [named[each] for each in ("columns", "show") if isinstance(named.get(each), list)]

    def by_content(self, content: dict[str, Any]) -> list[str]:
        """Items of which this is what makes them, or what people see of them."""
        catalog = self._project.catalog
        some = [{column: content[column] for column in each if column in content} for each in self._columns]
        for each in (content, *some):
            try:
                digest = item_id(each)
            except BadItem:
                continue
            if catalog.find(digest) is not None:
                return [digest]
            shown = self._shown().get(digest)
            if shown:
                return shown
        return []

    def by_key(self, key: str) -> list[str]:
        """Items that a source names so now, whichever source it is."""
        catalog = self._project.catalog
        sources = dict.fromkeys(part.source for part in self._project.state.parts)
        found = {catalog.by_key(source, key) for source in sources}
        return [catalog.id_of(number) for number in sorted(number for number in found if number is not None)]

    def _shown(self) -> dict[str, list[str]]:
        """Digest of what people see → items; made when it is first needed."""
        if self._by_shown is None:
            self._by_shown = {}
            catalog, state = self._project.catalog, self._project.state
            for number in range(state.count):
                try:
                    item = catalog.id_of(number)
                    whole = catalog.shown(item)
                except NoSuchItem:
                    continue  # of a damaged part, which is told elsewhere
                for digest in {id_of(whole), id_of(shown_of(state, whole))}:
                    self._by_shown.setdefault(digest, []).append(item)
        return self._by_shown


def _label(
    finder: _Finder, project: Project, line: Line, source: Source, authors: Authors, author: str, file: str
) -> Label | Problem:  # fmt: skip
    """What a line says, or why it can't be taken."""

    def wrong(name: str, words: str, **more: Any) -> Problem:
        return Problem(words, (name,), file, line.number, **more)

    item = line.item
    if item is None:
        named = finder.by_content(line.content) if line.content else []
        if not named and line.key is not None:
            named = finder.by_key(line.key)
        if len(named) != 1:
            return wrong(*_which(line, named))
        item = named[0]
    elif project.catalog.find(item) is None:
        return wrong("item", f"there is no item {show(item)}", found=show(item))
    name = line.author or author
    if not name:
        return wrong(
            "author", "nobody is named as its author", suggestion="Name who gave it in the line, or for all lines"
        )
    if source is Source.PERSON:
        try:
            name = authors.allowed(name).name
        except NotAllowed as error:
            return wrong(
                "author", str(error), found=show(name), allowed=error.allowed,
                suggestion=did_you_mean(name, error.allowed) or error.suggestion,
            )  # fmt: skip
    classes = classes_of(project.state)
    if not line.skipped and classes and line.label not in classes:
        return wrong(
            "label", f"{show(line.label)} is no class of this project", found=show(line.label), allowed=tuple(classes),
            suggestion=did_you_mean(line.label, classes),
        )  # fmt: skip
    other = _other_text(project, line, item)
    if other is not None:
        return wrong(other, f"it is another text than that of item {item}: a label belongs to what its author has seen")
    return Label(
        item, line.label, name, source=source, seconds=line.seconds, price=line.price, time=line.time,
        skipped=line.skipped, where=WHERE, batch=line.batch,
    )  # fmt: skip


def _other_text(project: Project, line: Line, item: str) -> str | None:
    """The field by which a line shows something else than its item; None where it does not."""
    items = project.state.document.get("items")
    show_ = items.get("show") if isinstance(items, dict) else None
    digests = project.catalog.digests(item, show_ if isinstance(show_, list) else ())
    if line.shown is not None and line.shown not in digests:
        return "shown"
    if line.item is not None and line.content:
        try:
            digest = item_id(line.content)
        except BadItem:
            return "content"
        whole = project.catalog.shown(item)
        partly = all(column in whole for column in line.content) and digest == item_id(
            {column: whole[column] for column in line.content}
        )
        if digest not in digests and not partly:
            return "content"
    return None


def _which(line: Line, named: list[str]) -> tuple[str, str]:
    field_name = "content" if line.content else "key" if line.key is not None else "item"
    if named:
        return field_name, f"{len(named)} items look like that ({', '.join(named[:3])}): name one by `item`"
    if line.content:
        columns = ", ".join(line.content)
        return field_name, f"no item of the project has this content (columns: {columns})"
    if line.key is not None:
        return field_name, f"no item of the project has the key {show(line.key)}"
    return field_name, "which item is meant? Name it by `item`, `key` or its columns"


def _slips(line: Line, file: str) -> list[Problem]:
    if not line.extra:
        return []
    meant = next(
        (guess for each in line.extra if (guess := did_you_mean(each, ("seconds", "price", "time", "skipped")))), ""
    )
    return [
        Problem(
            f"not read: {', '.join(map(repr, line.extra))}", (), file, line.number, severity="warning", suggestion=meant
        )
    ]


def _unheard(project: Project, labels: Iterable[Label], read: Iterable[Line], file: str) -> Iterator[Problem]:
    """Lines that say what their author has said before a batch asked for another look, and not which they answer."""
    state = project.state
    for label, line in zip(labels, read, strict=True):
        if label.batch is not None or label.time is not None or label.source is not Source.PERSON:
            continue
        number = project.catalog.number_of(label.item)
        asks = state.tasks.get(number)
        said = [vote for vote in state.history(number) if vote.author == label.author]
        if asks is None or not said or any(vote.batch == asks for vote in said):
            continue
        yield Problem(
            f"{label.author} has said so before, and batch {asks} asks for another look: this may be the line of then",
            (), file, line.number, severity="warning", suggestion=f"Where it is an answer to that, say `batch: {asks}`",
        )  # fmt: skip


def _words(line: Line) -> str:
    return "that it can't be told" if line.skipped else show(line.label)
