"""Tables larger than memory: searched on a sample, the winner fitted on all rows, read in pieces.

The sample's size is chosen by a learning curve and said. What no search has seen is a part of the sample, and the fit
on all rows leaves that part out too. A source that can't be read in pieces, or a search without a learner that can be
fitted so, is refused with the reason.
"""

from __future__ import annotations

from automl_core.tabular.large.refit import Refit, refit
from automl_core.tabular.large.sampling import Sample, sample
from automl_core.tabular.large.size import Size, estimate

__all__ = ["Refit", "Sample", "Size", "estimate", "refit", "sample"]
