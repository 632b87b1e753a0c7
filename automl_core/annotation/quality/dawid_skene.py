"""Which label is right where annotators differ, and how each of them errs (Dawid and Skene).

crowd-kit has this method, and brings transformers, tokenizers, nltk and a client of a model hub with it; two minutes of
reading are the whole of it, so it is here. It differs in one point: each annotator's errors have a prior in which right
labels are likelier than wrong ones. Without it, an annotator who has used one class alone so far is taken for one who
always says it: items that nobody else has labelled get the commonest class, whatever the label was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.quality.votes import Votes

Floats = NDArray[np.float64]

RIGHT, WRONG = 2.0, 1.0
"""Prior counts of an annotator's right labels, and of all wrong ones together, for each class."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What came of it.

    Attributes:
        votes: what it was worked out of.
        probability: (items, classes) of each class being the right one.
        label: (items,) the place of the likeliest; of equal ones the first in the order of classes.
        confusion: (annotators, classes, classes) how often each labels an item of a class (line) as each class
            (column).
        share: (classes,) of items in each.
        accuracy: (annotators,) the share of right labels that an annotator gives, over the items as they are spread.
        objective: after each step: the logarithm of the posterior, which never falls.
        settled: whether it stopped because nothing changed any more.
    """

    votes: Votes
    probability: Floats
    label: NDArray[np.int64]
    confusion: Floats
    share: Floats
    accuracy: Floats
    objective: tuple[float, ...]
    settled: bool


def dawid_skene(
    votes: Votes, *, right: float = RIGHT, wrong: float = WRONG, steps: int = 1000, tolerance: float = 1e-8
) -> Consensus:
    """The likeliest labels and errors, by expectation and maximisation.

    A. P. Dawid and A. M. Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
    Applied Statistics 28, p. 20: steps 2.3 to 2.5 for known classes, started from the shares of votes. With a
    Dirichlet prior (counts that are added to each annotator's table, and a half to each class) the maximum is that of
    the posterior; with counts of 0 it is theirs.

    Args:
        votes: of at least one item.
        right: prior count of right labels of an annotator for each class.
        wrong: prior count of wrong ones for each class, shared by the other classes.
        steps: at most.
        tolerance: it has settled where the objective grows by less than this for each vote.

    Raises:
        ValueError: no votes, fewer than two classes, counts below 0.
    """
    if not len(votes):
        raise ValueError("there are no votes")
    many = len(votes.classes)
    if many < 2:
        raise ValueError("labels have two classes or more: name all that could have been given")
    if right < 0 or wrong < 0:
        raise ValueError(f"prior counts are from 0, not {right} and {wrong}")
    prior = np.full((many, many), wrong / (many - 1))
    np.fill_diagonal(prior, right)
    added = 0.5 if right or wrong else 0.0
    counts = votes.counts.astype(np.float64)
    probability = counts / counts.sum(axis=1, keepdims=True)
    objective: list[float] = []
    settled = False
    while len(objective) < steps and not settled:
        confusion, share = _maximised(votes, probability, prior, added)
        probability, value = _expected(votes, confusion, share)
        if prior.any():
            value += float((prior * np.log(confusion)).sum()) + added * float(np.log(share).sum())
        settled = bool(objective) and value - objective[-1] <= tolerance * len(votes)
        objective.append(value)
    accuracy = np.einsum("acc,c->a", confusion, share)
    return Consensus(
        votes=votes, probability=probability, label=probability.argmax(axis=1), confusion=confusion, share=share,
        accuracy=accuracy, objective=tuple(objective), settled=settled,
    )  # fmt: skip


def _maximised(votes: Votes, probability: Floats, prior: Floats, added: float) -> tuple[Floats, Floats]:
    """Annotators' errors and shares of classes, given how likely each class is for each item (their 2.3 and 2.4)."""
    many = len(votes.classes)
    table = np.zeros((len(votes.annotators), many, many))  # annotator, label, class
    np.add.at(table, (votes.annotator, votes.label), probability[votes.item])
    table = np.swapaxes(table, 1, 2) + prior
    whole = table.sum(axis=2, keepdims=True)
    confusion = np.divide(table, whole, out=np.full_like(table, 1 / many), where=whole > 0)
    share = probability.sum(axis=0) + added
    return confusion, share / share.sum()


def _expected(votes: Votes, confusion: Floats, share: Floats) -> tuple[Floats, float]:
    """How likely each class is for each item (their 2.5), and the logarithm of the likelihood."""
    with np.errstate(divide="ignore"):
        logs = np.tile(np.log(share), (len(votes.items), 1))
        np.add.at(logs, votes.item, np.log(confusion)[votes.annotator, :, votes.label])
    top = logs.max(axis=1, keepdims=True)
    grown = np.exp(logs - top)
    whole = grown.sum(axis=1, keepdims=True)
    return grown / whole, float((top + np.log(whole)).sum())
