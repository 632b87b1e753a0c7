"""One example for every key that an experiment file must have: for error messages and for editors."""

from __future__ import annotations

EXAMPLES: dict[str, str] = {
    "name": "digits-mlp",
    "goal": "{metric: val_accuracy, direction: maximize}",
    "metric": "val_accuracy",
    "direction": "maximize",
    "space": "{learning_rate: {type: loguniform, low: 1.0e-4, high: 1.0e-1}}",
    "type": "loguniform",
    "low": "0.1",
    "high": "10",
    "q": "0.5",
    "mu": "0",
    "sigma": "1",
    "values": "[adam, sgd]",
    "value": "adam",
    "tasks": "[{name: train, command: [python, train.py, --lr, '${learning_rate}']}]",
    "backend": "local",
    "command": "[python, train.py, --lr, '${learning_rate}']",
    "image": "python:3.11-slim",
    "env": "AWS_ACCESS_KEY_ID",
    "secret": "s3-credentials",
    "key": "access_key",
    "mount": "/data",
    "source": "stdout",
    "rule": "median",
    "patience": "5",
    "max": "27",
    "trials": "15",
    "assets": "[training-data]",
    "path": "metrics.json",
    "table": "metrics_${trial_id}",
    "prefix": "tmp_${trial_id}_",
    "sql": "SELECT accuracy FROM results WHERE trial = '${trial_id}'",
}
"""Key → what may stand there, as YAML in one line."""
