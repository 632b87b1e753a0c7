"""What goes and why, decided from an inventory alone: no store and no clock is asked here."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from automl_core.housekeeping.archives import unused_archives
from automl_core.housekeeping.inventory import Inventory, Run, Size
from automl_core.housekeeping.mentions import RESERVED
from automl_core.housekeeping.models import old_measures, unused_copies
from automl_core.housekeeping.options import DAY, HOUR, KINDS, Kind, Options
from automl_core.spec.units import format_duration
from automl_core.storage.base import Unfinished
from automl_core.study.layout import folders_of, safe

__all__ = ["DAY", "HOUR", "KINDS", "Item", "Kind", "Options", "Plan", "Spared", "age_text", "made_at", "make_plan"]

_OURS = re.compile(r"[^/]+/[^/]+/((?:prepare|conclude)/)?(experiment_\d+|best_model|scratch|journal|once)/")
"""Where an upload lies that is one of this product's, though its run is gone: others may use the same bucket."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that goes.

    Attributes:
        what: its kind.
        place: prefix or key below the model storage path, or a path on this machine (it begins with '/').
        why: for people.
        experiment, run: whose it is, empty where that is not known.
        objects, bytes: how much.
        age: seconds since its last change.
        seq, identity: how its run's journal stood; of an archive of code, when it was written.
        places: the prefixes that go, where not the whole of ``place``.
        part: what broke off, where it is that.
    """

    what: Kind
    place: str
    why: str
    experiment: str = ""
    run: str = ""
    objects: int = 0
    bytes: int = 0
    age: float = 0.0
    seq: int = 0
    identity: str = ""
    places: tuple[str, ...] = ()
    part: Unfinished | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return (self.what, self.place, self.part.upload if self.part else "")

    def seen(self) -> dict[str, Any]:
        """What a person agrees to who agrees to the plan."""
        body = asdict(self)
        del body["why"], body["age"]
        return body

    def to_json(self) -> dict[str, Any]:
        """For people and programs."""
        names = ("what", "experiment", "run", "place", "why", "objects", "bytes", "age")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Spared:
    """A run that stays, and why.

    Attributes:
        notable: whether somebody who cleans up will want to know: it is old enough, or can't be read.
    """

    place: str
    experiment: str
    run: str
    why: str
    notable: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes and what stays.

    Attributes:
        url: the model storage path.
        at: when it was made, seconds since 1970.
        items: what goes.
        spared: runs that stay.
        problems: what could not be looked at.
    """

    url: str
    at: int
    items: tuple[Item, ...]
    spared: tuple[Spared, ...] = field(default=())
    problems: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        """Names what was seen: the same again only where the same would go. When it was made stands before the dot."""
        seen = sorted((item.seen() for item in self.items), key=lambda each: json.dumps(each, sort_keys=True))
        text = json.dumps([self.url, seen], sort_keys=True, separators=(",", ":"))
        return f"{self.at}.{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    @property
    def bytes(self) -> int:
        """All that goes."""
        return sum(item.bytes for item in self.items)

    @property
    def objects(self) -> int:
        """All that goes."""
        return sum(item.objects for item in self.items)

    def to_json(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "plan": self.id, "storage": self.url, "at": self.at, "objects": self.objects, "bytes": self.bytes,
            "items": [item.to_json() for item in self.items], "spared": [asdict(each) for each in self.spared],
            "problems": list(self.problems),
        }  # fmt: skip


def made_at(plan_id: str) -> int:
    """When the plan of an id was made.

    Raises:
        ValueError: it is no plan's id.
    """
    at, dot, digest = plan_id.partition(".")
    if not dot or not at.isdecimal() or len(at) > 12 or not re.fullmatch(r"[0-9a-f]{32}", digest):
        raise ValueError(f"{plan_id!r} is no plan's id")
    return int(at)


def make_plan(inventory: Inventory, options: Options, at: int) -> Plan:
    """Decide.

    A run stays where anything speaks for it, in this order: it can't be read, a model, an annotation or an experiment
    file names it, another run has learned from it, it goes on or was never finished, it is the best or among the
    last, it is too young.

    Args:
        inventory: all that there is.
        options: what is asked for.
        at: the time to tell ages from, whole seconds since 1970.
    """
    rules = _Rules(inventory, options, at)
    items: list[Item] = []
    spared: list[Spared] = []
    safe_to_clean: dict[str, bool] = {}
    for run in sorted(inventory.runs, key=lambda run: run.prefix):
        wanted = options.experiments is None or run.experiment in options.experiments
        garbage, why = rules.judge(run)
        safe_to_clean[run.prefix] = wanted and not rules.is_untouchable(run)
        if not wanted:
            continue
        if garbage:
            items.append(_item(run, "runs", run.prefix, why, run.folder.whole, at))
            safe_to_clean[run.prefix] = False  # goes with it
            continue
        spared.append(Spared(run.prefix, run.experiment, run.run, why, rules.is_notable(run)))
        if not rules.is_untouchable(run):
            items += _of_a_run_that_stays(run, rules, options, at)
    if "code" in options.what and options.experiments is None:  # experiments share them
        oldest = max(options.older_than, DAY)
        items += [Item("code", why="no run names it", **seen) for seen in unused_archives(inventory, oldest, at)]
    if "models" in options.what:
        copies = unused_copies(inventory, options.older_than, options.keep_versions, at)
        for seen in (*copies, *old_measures(inventory, options.older_than, at)):
            if options.experiments is None or seen["experiment"] in options.experiments:
                items.append(Item("models", **seen))
    if "parts" in options.what:
        items += _parts(inventory, safe_to_clean, options, at)
    return Plan(inventory.url, at, tuple(items), tuple(spared), inventory.problems + tuple(inventory.mentions.unread))


def age_text(seconds: float) -> str:
    """How long ago, for people: ``90 days``, ``5h 20m``."""
    return f"{seconds / DAY:.0f} days" if seconds >= 2 * DAY else format_duration(seconds)


class _Rules:
    """What speaks for a run, and what against it."""

    def __init__(self, inventory: Inventory, options: Options, at: int) -> None:
        self._options, self._at, self._mentions = options, at, inventory.mentions
        self._learned: dict[tuple[str, str], list[Run]] = defaultdict(list)
        self._prepared_for = {run.prepared_by: run for run in inventory.runs if run.prepared_by and run.mark is None}
        by_name: dict[str, list[Run]] = defaultdict(list)
        for run in inventory.runs:
            for experiment, name in run.learned_from:
                for folder in folders_of(name):
                    self._learned[safe(experiment), folder].append(run)
            if run.mark is None and not run.problem:
                by_name[run.experiment].append(run)
        for runs in by_name.values():
            runs.sort(key=lambda run: (-run.created, run.prefix))
        self._latest = self._used_by_files(by_name)
        self._named = {run.prefix: self._name_of(run) for run in inventory.runs}
        self._kept = self._best_and_last(by_name)

    def judge(self, run: Run) -> tuple[bool, str]:
        """Whether a run is garbage, and why or why not."""
        options, age = self._options, self._age(run)
        if run.mark is not None:
            if run.mark.is_fresh(self._at):
                return False, f"{run.mark.by} is deleting it just now"
            named = self._named[run.prefix]
            return (False, named) if named else (True, f"{run.mark.by} began to delete it, and broke off")
        if untouchable := self._why_untouchable(run):
            return False, untouchable
        orphan = options.orphaned and run.in_airflow == "gone"
        if orphan and age >= HOUR:
            kept = self._kept.get(run.prefix) if options.keep_best else ""
            return (False, kept) if kept else (True, "orphaned: its run is gone from Airflow")
        if not run.finished:
            return self._unfinished(run, age)
        if kept := self._kept.get(run.prefix):
            return False, kept
        if age < options.older_than:
            return False, f"younger than {age_text(options.older_than)}"
        if "runs" not in options.what:
            return False, "whole runs are not asked for"
        return True, f"ended {age_text(age)} ago"

    def is_untouchable(self, run: Run) -> bool:
        """Whether nothing of a run may go, not even what broke off below it."""
        return run.mark is not None or bool(self._why_untouchable(run)) or not run.finished

    def is_notable(self, run: Run) -> bool:
        """Whether somebody who cleans up will want to know that it stays."""
        return bool(run.problem) or run.mark is not None or self._age(run) >= self._options.older_than

    def stays_whole(self, run: Run) -> bool:
        """Whether a run is kept with all that is in it: the best, the last, and the young ones."""
        return run.prefix in self._kept or self._age(run) < self._options.older_than

    def _unfinished(self, run: Run, age: float) -> tuple[bool, str]:
        abandoned = self._options.abandoned
        said = "it goes on" if not run.stopped else "it has stopped, but its end was never published"
        if abandoned is None:
            return False, f"{said} (abandoned ones go where it is said after how long)"
        if age < abandoned:
            return False, f"{said}, or nothing has come of it for less than {age_text(abandoned)}"
        return True, f"abandoned: {said}, and nothing has come of it for {age_text(age)}"

    def _why_untouchable(self, run: Run) -> str:
        if run.problem:
            return run.problem
        if run.in_airflow == "goes on":
            return "its DAG run goes on in Airflow"
        return self._named[run.prefix]

    def _name_of(self, run: Run) -> str:
        """What names a run, in words; empty where nothing does."""
        if self._mentions.unread:
            return f"what names it can't be read: {self._mentions.unread[0]}"
        if place := self._mentions.of(run.experiment, run.run):
            return f"{place} names it"
        if run.prefix in self._latest:
            return self._latest[run.prefix]
        if user := self._prepared_for.get(run.prefix):
            return f"{user.experiment}@{user.run} uses what it has prepared"
        top, folder, _ = run.prefix.split("/")
        for other in self._learned.get((top, folder), ()):
            free = self._options.transferred and other.finished and not other.problem
            if other.prefix != run.prefix and other.mark is None and not free:
                return f"{other.experiment}@{other.run} has learned from it"
        return ""

    def _used_by_files(self, by_name: Mapping[str, Sequence[Run]]) -> dict[str, str]:
        used: dict[str, str] = {}
        for each in self._mentions.latest:
            stopped = [run for run in by_name.get(each.experiment, ()) if run.stopped]
            for run in stopped[: each.count]:
                used.setdefault(run.prefix, f"{each.place} learns from the latest runs")
        return used

    def _best_and_last(self, by_name: Mapping[str, Sequence[Run]]) -> dict[str, str]:
        options, kept = self._options, {}
        for name, runs in by_name.items():
            ended = [run for run in runs if run.finished]
            there = [run for run in ended if not (options.orphaned and run.in_airflow == "gone")]
            if options.keep_last:
                for run in there[: options.keep_last]:
                    kept[run.prefix] = f"among the last {options.keep_last} of {name}"
            if options.keep_best:
                best: dict[str, Run] = {}
                for run in ended:
                    known = best.get(run.goal)
                    if run.loss is not None and (known is None or known.loss is None or run.loss < known.loss):
                        best[run.goal] = run
                kept |= {run.prefix: f"the best of {name} ({run.goal})" for run in best.values()}
        return kept

    def _age(self, run: Run) -> float:
        return max(0.0, self._at - run.last)


def _item(
    run: Run, what: Kind, place: str, why: str, size: Size, at: int, places: Sequence[str] = ()
) -> Item:  # fmt: skip
    return Item(
        what, place, why, run.experiment, run.run, size.objects, size.bytes, max(0.0, at - size.newest), run.seq,
        run.identity, tuple(places),
    )  # fmt: skip


def _of_a_run_that_stays(run: Run, rules: _Rules, options: Options, at: int) -> Iterator[Item]:
    """Parts of a run that has ended, which itself stays."""
    if "checkpoints" in options.what and run.folder.checkpoints and not rules.stays_whole(run):
        size = _sum(run.folder.checkpoints.values())
        yield _item(run, "checkpoints", run.prefix, "of a run that has ended", size, at, sorted(run.folder.checkpoints))
    if "caches" in options.what:
        oldest = max(options.older_than, DAY)
        old = {place: size for place, size in run.folder.scraps.items() if at - size.newest >= oldest}
        if old:
            why = "left by attempts of a run that has ended"
            yield _item(run, "caches", run.prefix, why, _sum(old.values()), at, sorted(old))


def _sum(sizes: Any) -> Size:
    total = Size()
    for size in sizes:
        total.objects += size.objects
        total.bytes += size.bytes
        total.newest = max(total.newest, size.newest)
    return total


def _parts(inventory: Inventory, safe_to_clean: Mapping[str, bool], options: Options, at: int) -> Iterator[Item]:
    """What broke off: below runs of which parts may go, and where no run is."""
    oldest = max(options.older_than, DAY)  # an upload of some hours is none that broke off
    for part in inventory.parts:
        top, _, rest = part.key.partition("/")
        run, slash, _ = rest.partition("/")
        prefix = f"{top}/{run}/" if slash else ""
        if top.startswith(RESERVED) or at - part.modified < oldest or not safe_to_clean.get(prefix, True):
            continue
        if prefix not in safe_to_clean and not _may_be_ours(part, top, slash, options):
            continue
        why = "an upload that was never completed" if part.upload else "a file that was never written to its end"
        yield Item("parts", part.key, why, top if slash else "", "", 1, part.size, at - part.modified, part=part)
    for check in inventory.checks if options.experiments is None else ():
        if at - check.modified >= oldest:
            why = "a try whether the storage is fit, never removed"
            yield Item("parts", check.key, why, "", "", 1, check.size, at - check.modified)


def _may_be_ours(part: Unfinished, top: str, slash: str, options: Options) -> bool:
    if options.experiments is not None and (not slash or top not in options.experiments):
        return False
    return not part.upload or _OURS.match(part.key) is not None
