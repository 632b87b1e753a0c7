"""Which published results a model is offered by itself, and one result that a person offers.

How a result is read is `automl_core.models.life.offers`' business; here is what is new to a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_core.storage.base import ObjectStore

if TYPE_CHECKING:
    from automl_core.models.life import Life, Source
    from automl_core.models.life.offers import Offer


class NotPublished(LookupError):
    """There is no published result at a place, or it has no model. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A published result.

    Attributes:
        source: what is recorded of it.
        store: where it lies.
        model: the folder of its best model there, ending with '/'.
    """

    source: Source
    store: ObjectStore
    model: str

    @classmethod
    def of(cls, offer: Offer) -> Candidate:
        """From what a listing has found."""
        return cls(offer.source, *offer.copy_from)


def candidate_at(store: ObjectStore, prefix: str, life: Life | None = None) -> Candidate:
    """The result of one run, which a person offers.

    Args:
        store: the model storage path of the experiment.
        prefix: the run's folder there, ending with '/'.
        life: the model's state: a result of a retraining that it had asked for names its reason.

    Raises:
        NotPublished: nothing is published there (yet), or no model.
        StorageError: the store refuses or is away.
    """
    from automl_core.models.life import NotOffered
    from automl_core.models.life.offers import offer_of

    try:
        return Candidate.of(offer_of(store, prefix, life, by_hand=True))
    except NotOffered as error:
        raise NotPublished(str(error)) from None


def new_candidates(life: Life, store: ObjectStore, experiment: str) -> list[Candidate]:
    """The results of an experiment that a model has still to be offered, the oldest first.

    The first time that is the newest result alone: nobody wants fifty old ones evaluated because a file was written.
    From then on each that was published since, in whatever order they came.

    Args:
        life: the model's state.
        store: the model storage path of the experiment.
        experiment: its name.

    Raises:
        StorageError: the store refuses or is away.
    """
    from automl_core.models.life import offers

    listed, _ = offers.new_offers(life, [offers.Candidate(store, experiment)])
    found = [Candidate.of(each) for each in listed]
    url = store.url.rstrip("/")
    mine = [
        each for each in life.versions.values()
        if (each.source.storage.rstrip("/"), each.source.experiment) == (url, experiment)
    ]  # fmt: skip
    if not mine:
        return found[-1:]
    first = min(mine, key=lambda each: each.number)
    since = first.source.published if first.offered_by.how == "dag" else first.offered_at
    return [each for each in found if each.source.published >= since]
