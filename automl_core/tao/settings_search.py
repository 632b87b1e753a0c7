"""TAO's algorithms and their settings as ``search``, ``trials`` and what goes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.search.schedule import schedule
from automl_core.spec.errors import Problem, did_you_mean, show

ALGORITHMS: Mapping[str, str] = {
    "bayesian": "bayesian", "b": "bayesian", "bfbo": "bfbo", "hyperband": "hyperband", "h": "hyperband", "bohb": "bohb",
    "asha": "asha", "pbt": "pbt", "dehb": "dehb", "hyperband_es": "hyperband_es", "hes": "hyperband_es",
    "llm": "llm", "hybrid": "hybrid", "autoresearch": "autoresearch",
}  # fmt: skip
"""Names in TAO, case ignored → one name each."""

_LANGUAGE = frozenset({"llm", "hybrid", "autoresearch"})
_MOST = 10_000


@dataclass(slots=True)
class Read:
    """Takes settings by name and kind; what is wrong is kept as a problem of the name that was written."""

    given: Mapping[str, tuple[str, Any]]
    problems: list[Problem] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        """Whether it is given."""
        return name in self.given

    def raw(self, name: str, default: Any = None) -> Any:
        """As it stands."""
        self.taken.add(name)
        return self.given[name][1] if name in self.given else default

    def whole(self, name: str, default: int, least: int = 1) -> int:
        """A whole number; TAO takes them as text, too."""
        found = self.number(name, default, least)
        if found != int(found):
            self.wrong(name, f"a whole number of at least {least} is wanted")
            return default
        return int(found)

    def number(self, name: str, default: float, least: float = 0.0) -> float:
        """A number."""
        value = self.raw(name, default)
        try:
            found = float(value) if not isinstance(value, bool) else None
        except (TypeError, ValueError):
            found = None
        if found is None or not least <= found < 1e15:
            self.wrong(name, f"a number of at least {least:g} is wanted")
            return default
        return found

    def flag(self, name: str, default: bool) -> bool:
        """True or false, as TAO reads it: also 1, yes, on."""
        value = self.raw(name, default)
        text = str(value).strip().lower()
        if text in ("true", "1", "yes", "on"):
            return True
        if text in ("false", "0", "no", "off", ""):
            return False
        self.wrong(name, "true or false is wanted")
        return default

    def text(self, name: str, default: str | None = None) -> str | None:
        """Text."""
        value = self.raw(name, default)
        if value is not None and not (isinstance(value, str) and value.strip()):
            self.wrong(name, "text is wanted")
            return default
        return value.strip() if value is not None else None

    def wrong(self, name: str, message: str, suggestion: str = "", allowed: tuple[str, ...] = ()) -> None:
        """Keep a problem of a setting."""
        written, value = self.given.get(name, (name, None))
        self.problems.append(Problem(message, (written,), found=show(value), suggestion=suggestion, allowed=allowed))


@dataclass(slots=True)
class Search:
    """What an experiment file gets of it.

    Attributes:
        search, trials: groups of the file.
        notes: what is to be said, for people.
    """

    search: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def search_of(read: Read) -> Search:
    """The search that settings ask for; what is wrong with them is in ``read.problems``."""
    stated = read.text("algorithm")
    if stated is None:
        if not read.has("algorithm"):
            allowed = tuple(dict.fromkeys(ALGORITHMS.values()))
            read.problems.append(Problem("it is missing: which algorithm searches", ("algorithm",), allowed=allowed))
        return Search()
    name = ALGORITHMS.get(stated.lower())
    if name is None:
        read.wrong("algorithm", "TAO has no such algorithm", did_you_mean(stated, ALGORITHMS), tuple(ALGORITHMS))
        return Search()
    if name in _LANGUAGE:
        read.wrong("algorithm", f"{name} asks a language model, which nothing here does",
                   "Use bayesian: it learns from every trial by itself")  # fmt: skip
        return Search()
    if read.flag("hybrid_enable_llm_range_narrowing", False):
        read.wrong("hybrid_enable_llm_range_narrowing", "it asks a language model, which nothing here does",
                   "Narrow ranges with custom_param_ranges")  # fmt: skip
    return _OF[name](read)


def _one_by_one(read: Read) -> Search:
    """bayesian, bfbo: each trial is trained to its end."""
    found = Search({"algorithm": "bayesian"}, {"max": read.whole("automl_max_recommendations", 20)})
    if str(read.text("algorithm")).lower() == "bfbo":
        found.notes.append("algorithm bfbo: bayesian, the same model with a better acquisition (docs/tao.md)")
    _unused(read, found, "automl_max_epochs", "automl_reduction_factor", "epoch_multiplier")
    return found


def _brackets(read: Read, algorithm: str) -> Search:
    """hyperband, bohb, dehb and their schedule of brackets."""
    most, factor = read.whole("automl_max_epochs", 27, 2), read.whole("automl_reduction_factor", 3, 2)
    multiplier = max(1, int(read.number("epoch_multiplier", 1.0)))
    if read.has("epoch_multiplier") and multiplier != read.number("epoch_multiplier", 1.0):
        written = read.given["epoch_multiplier"][1]
        note = [f"epoch_multiplier {written}: {multiplier}, cut to a whole number as TAO does"]
    else:
        note = []
    brackets = schedule(most, factor)
    if not brackets:
        read.wrong("automl_max_epochs", f"it is below automl_reduction_factor ({factor}), so nothing is promoted")
        return Search()
    combinations = sum(bracket[0][0] for bracket in brackets)
    limit = min(read.whole("automl_max_recommendations", combinations), combinations)
    budget = {"name": "epochs", "min": multiplier, "max": most * multiplier, "factor": factor}
    found = Search({"algorithm": algorithm}, {"max": limit, "budget": budget}, note)
    if any(bracket[-1][1] != most for bracket in brackets):
        found.notes.append(
            f"automl_max_epochs {most} is no power of {factor}: each bracket ends at epoch {most * multiplier} here; "
            "search: {options: {schedule: tao}} has TAO's own rungs, which end below it"
        )
    return found


def _hyperband(read: Read) -> Search:
    return _brackets(read, "hyperband")


def _hyperband_es(read: Read) -> Search:
    found = _brackets(read, "hyperband")
    if found.trials:
        delay = read.whole("automl_min_early_stop_epochs", 3, 0)
        found.trials["early_stopping"] = {"rule": "learning_curve", "delay": delay}
        found.notes.append("algorithm hyperband_es: hyperband, with early_stopping by the learning curve")
    return found


def _bohb(read: Read) -> Search:
    found = _brackets(read, "bohb")
    options: dict[str, Any] = {}
    if read.has("automl_kde_samples"):
        options["candidates"] = read.whole("automl_kde_samples", 64)
    if read.has("automl_top_n_percent"):
        options["good"] = read.number("automl_top_n_percent", 15.0) / 100
    if options and found.search:
        found.search["options"] = options
    return found


def _dehb(read: Read) -> Search:
    found = _brackets(read, "dehb")
    options: dict[str, Any] = {}
    if read.has("automl_mutation_factor"):
        options["F"] = read.number("automl_mutation_factor", 0.5)
    if read.has("automl_crossover_prob"):
        options["CR"] = read.number("automl_crossover_prob", 0.5)
    if options and found.search:
        found.search["options"] = options
    return found


def _asha(read: Read) -> Search:
    most, factor = read.whole("automl_max_epochs", 27, 2), read.whole("automl_reduction_factor", 3, 2)
    multiplier = max(1, int(read.number("epoch_multiplier", 1.0)))
    levels = 1
    while factor**levels <= most:
        levels += 1
    top = read.whole("automl_min_top_configs", 5)
    notes = []
    if read.has("automl_max_trials"):
        limit = read.whole("automl_max_trials", 20)
    elif read.has("automl_max_recommendations"):
        limit = read.whole("automl_max_recommendations", 20)
    else:
        limit = min(top * factor ** (levels - 1), _MOST)
        notes.append(
            f"trials.max {limit}: one in {factor} goes on from each of {levels} rungs, so this many bring "
            f"automl_min_top_configs = {top} to the last one"
        )
    if factor ** (levels - 1) != most:
        notes.append(
            f"automl_max_epochs {most} is no power of {factor}: rungs are multiplied up from {multiplier} and the last "
            "one is the maximum; search: {options: {schedule: tao}} has TAO's own"
        )
    budget = {"name": "epochs", "min": multiplier, "max": most * multiplier, "factor": factor}
    trials = {"max": limit, "concurrency": read.whole("automl_max_concurrent", 4), "budget": budget}
    return Search({"algorithm": "asha"}, trials, notes)


def _pbt(read: Read) -> Search:
    population = read.whole("automl_population_size", 10, 2)
    interval, generations = read.whole("automl_eval_interval", 10), read.whole("automl_max_generations", 20)
    options: dict[str, Any] = {"population": population}
    if read.has("automl_perturbation_factor"):
        options["perturbation"] = read.number("automl_perturbation_factor", 1.2)
    # a member that is replaced is a trial of its own, so there are more trials than members
    limit = population * generations
    if read.has("automl_max_recommendations"):
        limit = min(limit, read.whole("automl_max_recommendations", limit))
    budget = {"name": "epochs", "min": interval, "max": interval * generations}
    note = (
        f"population-based training: {generations} generations of {interval} epochs; a member that takes another one's "
        f"checkpoint is a trial of its own, so trials.max is {limit}"
    )
    return Search({"algorithm": "pbt", "options": options}, {"max": limit, "budget": budget}, [note])


def _unused(read: Read, found: Search, *names: str) -> None:
    for name in names:
        if read.has(name):
            written, value = read.given[name]
            read.taken.add(name)
            found.notes.append(f"{written} {show(value)}: {found.search['algorithm']} trains each trial to its end")


_OF: Mapping[str, Callable[[Read], Search]] = {
    "bayesian": _one_by_one, "bfbo": _one_by_one, "hyperband": _hyperband, "hyperband_es": _hyperband_es,
    "bohb": _bohb, "dehb": _dehb, "asha": _asha, "pbt": _pbt,
}  # fmt: skip
