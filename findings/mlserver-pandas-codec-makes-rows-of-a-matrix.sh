#!/usr/bin/env bash
# mlserver 1.7.1 (Python 3.11), pandas 3.1.1.
#
# Expected: PandasCodec, which reads each tensor of a V2 request or answer as a column, refuses a tensor that is no column, or
# makes a column of each of its own; the first number of a shape is that of the rows. A classifier's answer has such a tensor:
# two rows, the class [2] and the probabilities of two classes [2, 2].
# Seen: the numbers of the matrix are laid one below the other. Two rows come back as four: the first row's second
# probability stands beside the second row's class, and the last two rows have no class at all (NaN). It says nothing, and
# naming content_type "np" for the tensor changes nothing. A server does the same to a request, so a model is asked for
# four rows by one who sent two. NumpyCodec reads the tensor by itself as it is.
#     answer: class ['no', 'yes', nan, nan], probabilities [0.9, 0.1, 0.2, 0.8]
#     request: 4 rows of a tensor [2, 2]
#     NumpyCodec: [[0.9, 0.1], [0.2, 0.8]]
#
# https://docs.seldon.ai/seldon-core-2/user-guide/v2 (tensor data)
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-compile mlserver==1.7.1 pandas==3.1.1 numpy==2.4.6
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from mlserver.codecs import NumpyCodec, PandasCodec
from mlserver.types import InferenceRequest, InferenceResponse

matrix = {"name": "probabilities", "shape": [2, 2], "datatype": "FP64", "data": [0.9, 0.1, 0.2, 0.8]}
classes = {"name": "class", "shape": [2], "datatype": "BYTES", "data": ["no", "yes"]}
named = {**matrix, "parameters": {"content_type": "np"}}
frames = []
for tensor in (matrix, named):
    answer = InferenceResponse.model_validate({"model_name": "churn", "outputs": [classes, tensor]})
    frames.append(PandasCodec.decode_response(answer))
request = PandasCodec.decode_request(InferenceRequest.model_validate({"inputs": [matrix]}))
alone = NumpyCodec.decode_output(answer.outputs[1]).tolist()
print(f"answer: class {frames[0]['class'].tolist()}, probabilities {frames[0]['probabilities'].tolist()}")
print(f"request: {len(request)} rows of a tensor {matrix['shape']}\nNumpyCodec: {alone}")
same = all(
    frame["probabilities"].tolist() == matrix["data"] and frame["class"].isna().tolist() == [False, False, True, True]
    for frame in frames
)
sys.exit(0 if same and len(request) == 4 and alone == [[0.9, 0.1], [0.2, 0.8]] else 1)
PYTHON
