"""The ledger of a project: what labels cost, how many are used, how right they are, what they brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from automl_core.annotation.ledger.facts import Facts, RoundFacts
from automl_core.annotation.ledger.gain import Next, Step, gains, next_round
from automl_core.annotation.ledger.right import Right, Share, right
from automl_core.annotation.ledger.sums import KEYS, Cube, Sum, by_reason, listed
from automl_core.annotation.ledger.use import MEANS, Standing, Use, uses


@dataclass(frozen=True)
class Ledger:
    """Everything that is asked of labels. What is expensive is worked out when it is asked for.

    Attributes:
        facts: that all is worked out of.
    """

    facts: Facts

    # --- what did they cost -----------------------------------------------------------------------

    @cached_property
    def cube(self) -> Cube:
        """All answers, summed up."""
        return Cube(self.facts.answers)

    @cached_property
    def total(self) -> Sum:
        """Of all answers that were ever given."""
        return self.cube.total()

    @cached_property
    def cost_at(self) -> Mapping[int, float]:
        """Number of a round → what all answers cost until then.

        Those of its batch and of earlier ones, whenever they came in; those that belong to no round as far as they
        came before the round's end.
        """
        by_round = self.cube.by("round")
        outside = sorted((each for each in self.facts.answers if not each.round), key=lambda each: each.time)
        found, spent, read = {}, Sum(), 0
        for each in self.facts.rounds:
            spent = spent + by_round.get(each.number, Sum())
            until = each.ended if each.ended is not None else float("inf")
            while read < len(outside) and outside[read].time <= until:  # each once, however many rounds there are
                spent.add(outside[read])
                read += 1
            found[each.number] = spent.cost
        return found

    # --- how many are used ------------------------------------------------------------------------

    @cached_property
    def uses(self) -> Sequence[Use]:
        """What became of each answer, in the order of `Facts.answers`."""
        return uses(self.facts)

    @cached_property
    def standings(self) -> Mapping[Standing, Sum]:
        """Sums by what became of the answers; together they are `total`."""
        found = by_reason(self.facts.answers, lambda place: self.uses[place].standing)
        return {each: found.get(each, Sum()) for each in Standing}

    @cached_property
    def used_in(self) -> Mapping[int, Sum]:
        """Number of a data set → the answers that its labels come from. One answer may be in several sets."""
        found: dict[int, Sum] = {each.number: Sum() for each in self.facts.sets}
        for use, answer in zip(self.uses, self.facts.answers, strict=True):
            for number in use.sets:
                found[number].add(answer)
        return found

    # --- how right are they, what did they bring -------------------------------------------------

    @cached_property
    def right(self) -> Right:
        """How right labels are."""
        return right(self.facts)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What each evaluated round brought."""
        return gains(self.facts, self.cost_at)

    @cached_property
    def next(self) -> Next | None:
        """What one more round would bring."""
        return next_round(self.facts, self.cost_at)

    # --- for pages and programs -------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Everything but single answers: plain JSON."""
        facts = self.facts
        labelled = {each.item for each in facts.answers if each.stands and each.label is not None}
        return {
            "project": facts.name, "seq": facts.seq, "currency": facts.currency, "classes": list(facts.classes),
            "items": {
                "all": facts.items, "labelled": len(labelled), "retired": len(facts.retired),
                "stratum": len(facts.stratum), "gold": len(facts.gold),
            },
            "budget": facts.budget, "target": facts.target,
            "cost": {
                "total": self.total.to_json(),
                **{f"by_{key}": list(listed(self.cube.by(key), key)) for key in KEYS},
                "by_round_source": [
                    {"round": number, "source": source, **each.to_json()}
                    for (number, source), each in self.cube.by("round", "source").items()
                ],
                "by_author_source": [
                    {"author": author, "source": source, **each.to_json()}
                    for (author, source), each in self.cube.by("author", "source").items()
                ],
            },
            "use": self._use_json(),
            "right": self.right.to_json(),
            "brought": {
                "rounds": [each.to_json() for each in self.steps],
                "next": self.next.to_json() if self.next is not None else None,
            },
        }  # fmt: skip

    def _use_json(self) -> dict[str, Any]:
        return {
            "standings": [
                {"standing": str(each), "means": MEANS[each], **held.to_json()} for each, held in self.standings.items()
            ],
            "sets": [
                {
                    "set": each.number, "round": each.round, "time": each.time, "prefix": each.prefix,
                    "fingerprint": each.fingerprint, "rows": each.rows, "answers": self.used_in[each.number].to_json(),
                    "trained": [
                        {
                            "experiment": training.experiment, "run": training.run, "outcome": training.outcome,
                            "model": dict(training.model) if training.model is not None else None,
                        }
                        for training in self.facts.trainings if training.data_set == each.number
                    ],
                }
                for each in self.facts.sets
            ],
        }  # fmt: skip

    def rounds_json(self) -> list[dict[str, Any]]:
        """The rounds in order: what was asked, what it cost, how their models did, what that brought."""
        sums = self.cube.by("round")
        steps = {each.round: each.to_json() for each in self.steps}
        return [
            {**_round_json(each), "answers": sums.get(each.number, Sum()).to_json(), "brought": steps.get(each.number)}
            for each in self.facts.rounds
        ]


def _round_json(found: RoundFacts) -> dict[str, Any]:
    models = []
    for each in found.models:
        share = Share.counted(sum(hit is True for hit in each.hits.values()), len(each.hits))
        classes = [
            {"class": name, **Share.counted(good, of).to_json()} for name, (good, of) in sorted(each.classes.items())
        ]
        models.append({"model": each.name, **share.to_json(), "classes": classes})
    return {
        "round": found.number, "begun": found.begun, "ended": found.ended, "by": found.by, "labels": found.labels,
        "models": models, "best": found.best, "outcome": dict(found.outcome), "stopped": found.stopped,
    }  # fmt: skip


def ledger(facts: Facts) -> Ledger:
    """The ledger of a project as it stands."""
    return Ledger(facts)
