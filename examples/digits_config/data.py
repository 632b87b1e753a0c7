"""The digits images, split the same way every time."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def load(validation: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 64) scaled to 0..1 to train on and to choose by, then their digits."""
    images, digits = load_digits(return_X_y=True)
    x, x_validation, y, y_validation = train_test_split(
        images / 16.0, digits, test_size=validation, random_state=0, stratify=digits
    )
    return x, x_validation, y, y_validation
