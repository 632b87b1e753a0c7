"""What bounds ask of the data: ``at_most: data.train.rows``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from automl_core.spec.parameters import flatten
from automl_core.spec.relations import BOUNDS, bound_of

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment


def counts_asked(experiment: Experiment) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Each bound that names something of the data: parameter, field, and what: (data set, ``rows`` or ``files``)."""
    for name, model in flatten(dict(experiment.space)).items():
        for field in BOUNDS:
            bound = bound_of(model, field)
            if bound is not None and bound.counts:
                yield name, field, bound.counts


def wanted_counts(experiment: Experiment) -> frozenset[tuple[str, str]]:
    """All of them: (data set, ``rows`` or ``files``)."""
    return frozenset(count for _, _, counts in counts_asked(experiment) for count in counts)
