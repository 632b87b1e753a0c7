"""A model's folder → an ONNX file that agrees with it on its golden rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from automl_core.modelfile.onnx import checking
from automl_core.modelfile.onnx.features import Table, matrix_of, usable
from automl_core.modelfile.onnx.graph import DOUBLE, ML, ML_OPSET, OPSET, STRING, Graph
from automl_core.modelfile.onnx.links import calibrated, decided, linked
from automl_core.modelfile.onnx.models import margin_of
from automl_core.modelfile.onnx.problems import NotInOnnx
from automl_core.modelfile.scoring import documents
from automl_core.modelfile.scoring.values import Field, Schema

IR = 10
"""Version of the file's own format: what onnxruntime reads since 1.18 (May 2024)."""

OF_CLASSES, OF_NUMBERS = ("label", "probabilities"), ("prediction",)
"""Names of outputs."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        inputs: names, each (n, 1): of numbers float64, of categories texts.
        outputs: ``label`` (n,) and ``probabilities`` (n, K), or ``prediction`` (n, 1).
        compared: rows and the largest difference, in words.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    compared: str


def export(folder: str | Path, out: str | Path, *, tolerance: float = checking.TOLERANCE) -> Exported:
    """Write a model of a table as ONNX, if it agrees with the model on all golden rows.

    Args:
        folder: of the model.
        out: the file, which appears when it has agreed.
        tolerance: what outputs may differ by: relative to their size, and absolute below 1.

    Raises:
        NotInOnnx: a part of the model has no graph; the message names it.
        Disagrees: onnxruntime says something else of golden rows; the message names them and the difference.
        LaterFormat, OSError, ValueError: the folder can't be read.
    """
    home, path = Path(folder), Path(out)
    document = documents.load(home)
    documents.check_format(document)
    data = model_of(document).SerializeToString(deterministic=True)
    compared = checking.compare(data, home, document, tolerance)
    names = tuple(field.name for field in Schema.from_json(document["schema"]))
    outputs = OF_CLASSES if document["problem"].get("classes") else OF_NUMBERS
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)
    return Exported(path, names, outputs, compared)


def model_of(document: Mapping[str, Any]) -> Any:
    """The graph of a scorer's document, as an ``onnx.ModelProto``; nothing has compared it yet.

    Raises:
        NotInOnnx: a part of the model has no graph; the message names it.
    """
    schema = Schema.from_json(document["schema"])
    classes = tuple(map(str, document["problem"].get("classes") or ()))
    outputs = len(classes) or 1
    graph = Graph(schema.names)
    for name in OF_CLASSES if classes else OF_NUMBERS:
        if name in schema.names:
            raise NotInOnnx(f"column {name!r} has the name of an output, and a graph has each name once: rename it")
    table, inputs = _inputs(graph, schema)
    found = calibrated(graph, document.get("calibration"), _mean(graph, table, document, outputs), outputs)
    shown = []
    if classes:
        label = decided(graph, found, classes, document.get("threshold"))
        shown = [_output(graph, "label", label, STRING, 1), _output(graph, "probabilities", found, DOUBLE, outputs)]
    else:
        shown = [_output(graph, "prediction", found, DOUBLE, 1)]
    whole = helper.make_graph(graph.nodes, "model", inputs, shown, graph.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    made = helper.make_model(whole, opset_imports=opsets, ir_version=IR, producer_name="automl-core")
    onnx.checker.check_model(made)
    return made


def _inputs(graph: Graph, schema: Schema) -> tuple[Table, list[Any]]:
    table, inputs = Table({}, {}), []
    for field in schema:
        if field.kind == "text":
            raise NotInOnnx(f"column {field.name!r} is free text, whose n-grams have no graph")
        texts = kind_of(field) == "text"
        inputs.append(helper.make_tensor_value_info(field.name, STRING if texts else DOUBLE, [None, 1]))
        if texts:
            table.texts[field.name] = field.name
        else:
            table.numbers[field.name] = usable(graph, field.name)
    return table, inputs


def kind_of(field: Field) -> str:
    """``text`` or ``number``: what the input of a column takes."""
    return "text" if field.kind in ("category", "text") else "number"


def _output(graph: Graph, name: str, value: str, kind: int, width: int) -> Any:
    graph.nodes.append(helper.make_node("Identity", [value], [name], name=f"n_{name}"))
    return helper.make_tensor_value_info(name, kind, [None, width] if kind == DOUBLE else [None])


def _mean(graph: Graph, table: Table, document: Mapping[str, Any], outputs: int) -> str:
    """The weighted mean of members; those whose features are the same share their matrix."""
    parts = _collected(document["members"], 1.0, None)
    matrices: dict[str, str] = {}
    total = ""
    for place, (weight, states, member) in enumerate(parts):
        flat, arrays = documents.flatten(list(states))
        key = repr((flat, sorted((name, each.tobytes()) for name, each in arrays.items())))
        try:
            if key not in matrices:
                matrices[key] = matrix_of(graph, table, states)
            margin = margin_of(graph, matrices[key], member["model"])
            found = linked(graph, margin, member.get("link", "identity"), outputs)
        except NotInOnnx as error:
            raise NotInOnnx(f"member {place} (weight {weight:.3g}) has no ONNX: {error}") from None
        found = graph.add("Mul", found, graph.constant(weight)) if weight != 1.0 else found
        total = found if not total else graph.add("Add", total, found)
    return total


def _collected(members: Any, share: float, features: Any) -> list[tuple[float, Any, Mapping[str, Any]]]:
    """Members as `scoring.members` takes them apart."""
    weights = np.asarray([float(each.get("weight", 1.0)) for each in members])
    found = []
    for member, weight in zip(members, (share * weights / weights.sum()).tolist(), strict=True):
        if not weight:
            continue
        own = member.get("features", features)
        if member["model"].get("type") == "mean":
            found += _collected(member["model"]["members"], weight, own)
        else:
            found.append((weight, own, member))
    return found
