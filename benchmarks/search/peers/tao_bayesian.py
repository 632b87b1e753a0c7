"""NVIDIA's bayesian, from its package, as a program that is asked and told over its standard streams.

Runs in an environment of its own (``environments.REQUIREMENTS["tao"]``) and imports nothing of this repository.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import tempfile
import warnings
from typing import Any


def main(network: str, trials: int, seed: int) -> None:
    """Write the network's schema, then one combination a line; read one loss a line.

    Args:
        network: whose default list is searched.
        trials: combinations.
        seed: of numpy and of Python, which is all that the package draws from.
    """
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore")
    import numpy as np
    from tao_automl import AutoML  # type: ignore[import-not-found]
    from tao_automl.schema.generate_schema import generate_schema  # type: ignore[import-not-found]

    schema = generate_schema(network, "train")
    _say(schema)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"algorithm": "bayesian", "metric": "loss", "automl_max_recommendations": trials}
        search = AutoML(workspace=folder, network=network, train_specs=schema["default"], settings=settings)
        random.seed(seed)  # the package seeds itself when it is made: by hash() of its id, another in each process
        np.random.seed(seed)
        while not search.is_complete():
            for recommendation in search.next_recommendation():
                _say(recommendation.specs)
                search.report_result(recommendation.id, float(sys.stdin.readline()))


def _say(body: Any) -> None:
    print(json.dumps(body), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
