"""Why a model does not become ONNX."""

from __future__ import annotations


class NotInOnnx(ValueError):
    """A part of the model has no graph; the message names the part."""


class Disagrees(ValueError):
    """The graph does not say of the golden rows what the model says; the message names the rows and the difference."""
