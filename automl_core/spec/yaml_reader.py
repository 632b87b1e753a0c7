"""YAML text as plain data that remembers where each value stands.

Built on PyYAML's event stream (libyaml, the safe loader: no tag makes an object), not on its composer and
constructor, for four reasons: every value keeps its line, all problems of a file are found in one
pass, plain words follow YAML 1.2's core schema, and depth and size are bounded before anything
is built (libyaml's composer recurses on the C stack: a file of brackets kills the process).

What plain words mean: ``1e-4`` and ``1`` are numbers, ``true`` and ``false`` are booleans, ``null``
and ``~`` are null. ``yes``, ``no``, ``on`` and ``off`` are text, and so are ``12:30`` and
``2026-01-31``: a choice between ``on`` and ``off`` hands just these words to the training code.
Keys are always text. Anchors, aliases and merge keys (``<<``) work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml import events

from automl_core.spec.errors import Path, Problem, show

MAX_BYTES = 1 << 20
"""Largest file that is read."""

MAX_DEPTH = 64
"""Deepest nesting of lists and mappings."""

MAX_VALUES = 200_000
"""Most values a file may have once its aliases are expanded."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML can be built without libyaml

_CORE = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    **{sign + word: float(sign + word[1:]) for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}  # fmt: skip


@dataclass(slots=True)
class Node:
    """A value and where it stands.

    Attributes:
        data: the plain value, whole.
        line, column: its first character, counted from 1.
        children: key or index → node.
        keys: key → line and column of the key.
        size: values in it, itself included, aliases expanded.
        open: whether its end has not been read yet.
    """

    data: Any
    line: int
    column: int
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1
    open: bool = False


@dataclass(slots=True)
class Document:
    """A YAML text: its data, the problems found while reading it, and where everything stands."""

    source: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    fatal: bool = False

    @property
    def data(self) -> Any:
        """The plain data, None for an empty text."""
        return self.root.data if self.root is not None else None

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column of the nearest thing to a path that exists in the text."""
        node = self.root
        place = (1, 1) if node is None else (node.line, node.column)
        for part in path:
            if node is None:
                break
            child = node.children.get(part)
            if isinstance(part, str) and part in node.keys:
                place = node.keys[part]
            elif child is not None:
                place = (child.line, child.column)
            node = child
        return place

    def located(self, problem: Problem) -> Problem:
        """The same problem with the file, line and column at which its path stands."""
        line, column = self.position(problem.path)
        return replace(problem, file=self.source, line=line, column=column)

    def problem(self, message: str, path: Path = (), **details: Any) -> Problem:
        """A problem at a path of this text."""
        line, column = self.position(path)
        return Problem(message, path, self.source, line, column, **details)


class _Stop(Exception):
    """Nothing more can be read."""


def read_yaml(text: str, source: str) -> Document:
    """Read one YAML document. Never raises for a bad text: see `Document.problems`."""
    document = Document(source)
    builder = _Builder(document)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _Stop:
        document.fatal = True
    except yaml.MarkedYAMLError as error:
        document.fatal = True
        document.problems.append(_syntax_problem(error, text, source))
    except yaml.reader.ReaderError as error:
        document.fatal = True
        before = text[: error.position] if isinstance(error.position, int) else ""
        document.problems.append(
            Problem(
                "the file holds a character that YAML doesn't allow", file=source, line=before.count("\n") + 1, column=1
            )
        )
    return document


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, source: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    suggestion = ""
    rest = text.split("\n")[line][column:] if line < text.count("\n") + 1 else ""
    if rest.startswith("\t"):
        suggestion = "Indent with spaces, not with tabs"
    elif error.problem == "mapping values are not allowed in this context":
        suggestion = "Put quotes around a value that has ': ' in it, and check the indentation"
    elif bare := _bare_placeholder(text.split("\n"), error, line):
        suggestion = f'Put quotes around what has ${{…}} in it: "{bare}"'
    elif error.context_mark is not None and error.context_mark.line != line:
        suggestion = f"It may be what starts in line {error.context_mark.line + 1} that has no end"
    return Problem(
        f"not YAML: {error.problem or error.context}", (), source, line + 1, column + 1, suggestion=suggestion
    )


_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_BARE = re.compile(r"(?<![^\s,\[{])([^\s,\[\]{}\"'#&*!|>]*\$\{[^{}\n]*\}?[^\s,\[\]{}]*)")


def _bare_placeholder(lines: list[str], error: yaml.MarkedYAMLError, line: int) -> str:
    """A ``${…}`` without quotes in a list or mapping of one line, where its brace begins a mapping of YAML's."""
    first = error.context_mark.line if error.context_mark is not None else line
    for text in lines[min(first, line) : line + 1]:
        match = _BARE.search(_QUOTED.sub(lambda quoted: " " * len(quoted[0]), text))
        if match is not None and re.search(r"[\[{]", text[: match.start()]):
            return match[1]
    return ""


@dataclass(slots=True)
class _Frame:
    """A list or mapping whose end has not been read."""

    node: Node
    path: Path
    anchor: str | None
    key: str | None = None
    at: tuple[int, int] = (0, 0)
    merged: list[Node] = field(default_factory=list)
    key_wanted: bool = True
    skip: bool = False  # the value to come belongs to a key that can't be used


class _Builder:
    """Takes events one by one and builds the tree; no recursion, so depth costs nothing."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.frames: list[_Frame] = []
        self.anchors: dict[str, Node] = {}

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, events.MappingStartEvent | events.SequenceStartEvent):
            self._start(event)
        elif isinstance(event, events.MappingEndEvent | events.SequenceEndEvent):
            self._end()
        elif isinstance(event, events.AliasEvent):
            self._alias(event)
        elif isinstance(event, events.DocumentStartEvent) and self.document.root is not None:
            self._report("a second document starts here ('---'); one experiment a file is wanted", event)
            raise _Stop

    def _report(self, message: str, event: events.Event, path: Path = (), **details: Any) -> None:
        line, column = _place(event)
        self.document.problems.append(Problem(message, path, self.document.source, line, column, **details))

    def _scalar(self, event: events.ScalarEvent) -> None:
        if self._wants_key():
            self._key(event)
            return
        line, column = _place(event)
        node = Node(None, line, column)
        try:
            node.data = _scalar_value(event)
        except ValueError as error:
            self._report(str(error), event, self._next_path(), found=show(event.value))
        if event.anchor:
            self.anchors[event.anchor] = node
        self._add(node, event)

    def _key(self, event: events.ScalarEvent) -> None:
        frame = self.frames[-1]
        frame.key, frame.at, frame.key_wanted = event.value, _place(event), False
        frame.skip = event.value in frame.node.keys
        if frame.skip:
            first = frame.node.keys[event.value][0]
            self._report(
                f"the key {event.value!r} stands twice here, first in line {first}",
                event,
                (*frame.path, event.value),
                suggestion="Remove one of them",
            )

    def _start(self, event: events.MappingStartEvent | events.SequenceStartEvent) -> None:
        path = self._next_path()
        if self._wants_key():
            self._report("a key must be plain text, found a list or a mapping", event, path)
            raise _Stop
        if len(self.frames) >= MAX_DEPTH:
            self._report(f"lists and mappings are nested more than {MAX_DEPTH} deep", event)
            raise _Stop
        mapping = isinstance(event, events.MappingStartEvent)
        if event.tag not in (None, "!", _CORE + ("map" if mapping else "seq")):
            self._report(f"the tag {_short(event.tag)} is not known", event, path, suggestion="Leave it out")
        line, column = _place(event)
        node = Node({} if mapping else [], line, column, open=True)
        if event.anchor:
            self.anchors[event.anchor] = node
        self.frames.append(_Frame(node, path, event.anchor))

    def _end(self) -> None:
        frame = self.frames.pop()
        for other in frame.merged:  # a key of the mapping itself goes before a merged one
            for key, child in other.children.items():
                if key not in frame.node.children:
                    frame.node.children[key] = child
                    frame.node.keys[str(key)] = other.keys[str(key)]
                    frame.node.data[key] = child.data
        frame.node.open = False
        self._add(frame.node, None)

    def _alias(self, event: events.AliasEvent) -> None:
        path = self._next_path()
        if self._wants_key():
            self._report("a key must be plain text, found an alias", event, path)
            raise _Stop
        node = self.anchors.get(event.anchor or "")
        if node is None or node.open:
            what = "holds itself" if node is not None else "is not defined above this line"
            self._report(f"the alias *{event.anchor} {what}", event, path)
            node = Node(None, *_place(event))
        line, column = _place(event)
        # errors are reported where the alias stands, which is where a person looks first
        self._add(Node(node.data, line, column, node.children, node.keys, node.size), event)

    def _add(self, node: Node, event: events.Event | None) -> None:
        """Put a finished value into what is open around it."""
        if not self.frames:
            self.document.root = node
            return
        frame = self.frames[-1]
        frame.node.size += node.size
        if frame.node.size > MAX_VALUES:
            self.document.problems.append(
                Problem(
                    f"the file has more than {MAX_VALUES:,} values, aliases expanded",
                    file=self.document.source,
                    line=node.line,
                    column=node.column,
                )
            )
            raise _Stop
        if isinstance(frame.node.data, list):
            frame.node.children[len(frame.node.data)] = node
            frame.node.data.append(node.data)
            return
        key, frame.key, frame.key_wanted = str(frame.key), None, True
        if key == "<<":
            self._merge(frame, node)
        elif not frame.skip:
            frame.node.children[key] = node
            frame.node.keys[key] = frame.at
            frame.node.data[key] = node.data

    def _merge(self, frame: _Frame, node: Node) -> None:
        sources = [node] if isinstance(node.data, dict) else [node.children[i] for i in range(len(node.children))]
        if not sources or not all(isinstance(source.data, dict) for source in sources):
            path = (*frame.path, "<<")
            problem = Problem("'<<' wants a mapping, or a list of mappings", path, self.document.source, *frame.at)
            self.document.problems.append(problem)
            return
        frame.merged.extend(sources)

    def _wants_key(self) -> bool:
        return bool(self.frames) and isinstance(self.frames[-1].node.data, dict) and self.frames[-1].key_wanted

    def _next_path(self) -> Path:
        if not self.frames:
            return ()
        frame = self.frames[-1]
        if isinstance(frame.node.data, list):
            return (*frame.path, len(frame.node.data))
        return frame.path if frame.key is None else (*frame.path, frame.key)


def _place(event: events.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _short(tag: str | None) -> str:
    return (tag or "").replace(_CORE, "!!")


def _scalar_value(event: events.ScalarEvent) -> Any:
    """The value of a scalar.

    Raises:
        ValueError: an unknown tag, a value that its tag doesn't fit, or a number too long to read.
    """
    if event.tag is None:
        return _plain_value(event.value) if event.implicit[0] else event.value
    if event.tag in ("!", _CORE + "str"):
        return event.value
    wanted = _TYPES.get(event.tag)
    if wanted is None:
        raise ValueError(f"the tag {_short(event.tag)} is not known")
    value = _plain_value(event.value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted):
        raise ValueError(f"{event.value!r} does not fit its tag {_short(event.tag)}")
    return value


_TYPES: dict[str, Any] = {
    _CORE + "int": int, _CORE + "float": float, _CORE + "bool": bool, _CORE + "null": type(None)
}  # fmt: skip


def _plain_value(text: str) -> Any:
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        if len(text) > 300:
            raise ValueError(f"a number of {len(text)} digits is too long")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
