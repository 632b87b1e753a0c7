#!/usr/bin/env bash
# kubeflow-trainer-api 2.1.0 and 2.3.0 (Python 3.11): the models of Kubeflow Trainer's TrainJob.
#
# Expected: an apiVersion names one form of an object, so a TrainJob that is valid for trainer.kubeflow.org/v1alpha1 is
# either read whole by a later release of the same version, or refused.
# Seen: `spec.podTemplateOverrides` of 2.1.0 (volumes, node selectors, service accounts of a TrainJob's pods) is
# `spec.runtimePatches` since 2.2, under the same apiVersion and without a conversion. 2.3.0 takes the manifest of 2.1.0
# without an error and without the field: from_dict drops what it doesn't know, though it says of a number that is
# given as text that it is none. An API server does the same to it unless it is asked for fieldValidation=Strict, so the
# training starts without its volumes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
cat > "$place/read.py" <<'PY'
import json
import sys

from kubeflow_trainer_api import models
from pydantic import ValidationError

claim = {"name": "data", "persistentVolumeClaim": {"claimName": "team-data"}}
job = {
    "apiVersion": "trainer.kubeflow.org/v1alpha1",
    "kind": "TrainJob",
    "metadata": {"name": "digits"},
    "spec": {
        "runtimeRef": {"name": "torch-distributed"},
        "trainer": {"numNodes": 2},
        "podTemplateOverrides": [{"targetJobs": [{"name": "node"}], "spec": {"volumes": [claim]}}],
    },
}
read = models.TrainerV1alpha1TrainJob.from_dict(job).to_dict()["spec"]
print(sys.argv[1], json.dumps(read))
kept = "team-data" in json.dumps(read)
assert kept is (sys.argv[1] == "2.1.0"), "the volume is there in 2.1.0 and gone, in silence, in 2.3.0"
assert read["trainer"] == {"numNodes": 2}
job["spec"]["trainer"]["numNodes"] = "2"
try:
    models.TrainerV1alpha1TrainJob.from_dict(job)
except ValidationError:
    print(sys.argv[1], 'numNodes: "2" is refused')
else:
    raise SystemExit("a number as text is taken")
PY
for version in 2.1.0 2.3.0; do
    "$place/venv/bin/pip" install --quiet --quiet "kubeflow-trainer-api==$version" pydantic==2.12.5
    "$place/venv/bin/python" "$place/read.py" "$version"
done
