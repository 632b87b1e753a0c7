"""What suggestions depend on beside seed and history: releases of the numerical libraries, and the processor.

It stands in an experiment's first record, so that a suggestion that can't be reproduced elsewhere can be explained.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from automl_core.release import RELEASE

_LIBRARIES = ("numpy", "scipy")


def environment() -> dict[str, Any]:
    """Releases and processor of this process, as plain JSON.

    Returns:
        ``release`` (of this product), ``python``, a release for each library that is installed, ``machine``, and with
        numpy ``features`` (what its kernels use of the processor) and ``blas`` (library, release and kernel).
    """
    found: dict[str, Any] = {
        "release": RELEASE, "python": platform.python_version(), "machine": platform.machine(),
    }  # fmt: skip
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if "numpy" in found:
        found |= _processor()
    return found


def _processor() -> dict[str, Any]:
    import numpy as np

    try:
        import threadpoolctl
    except ImportError:  # numpy is the training's own: the search's extra is not there, and no model is asked
        return {}

    try:
        features = np.show_config(mode="dicts")["SIMD Extensions"]
        used = [*features.get("baseline", []), *features.get("found", [])]
    except (KeyError, TypeError, AttributeError):  # a numpy that tells it otherwise, or not
        used = []
    blas = [
        " ".join(str(pool[key]) for key in ("internal_api", "version", "architecture") if pool.get(key))
        for pool in threadpoolctl.threadpool_info()
        if pool.get("user_api") == "blas"
    ]
    return {"features": used, "blas": sorted(set(blas))}
