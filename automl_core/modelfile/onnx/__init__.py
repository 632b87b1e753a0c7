"""A model's folder as an ONNX graph, for runtimes that have neither Python nor us.

`exporting.export` is the one way in. The scorer's document becomes a graph (`graph`): features (`features`, `curves`),
models (`models`, `trees`), links, calibration and decision (`links`), all in float64 but for the sums of trees, which
ONNX gives in float32. What is written is then run by onnxruntime on the golden rows, and refused where it disagrees
(`checking`).
"""

from automl_core.modelfile.onnx.problems import Disagrees, NotInOnnx

__all__ = ["Disagrees", "NotInOnnx"]
