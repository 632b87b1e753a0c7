"""AutoGluon with a preset (the job's ``preset``) and the job's metric."""

import shutil

from autogluon.tabular import TabularDataset, TabularPredictor
from tables import done, job, target

metric = {"roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "root_mean_squared_error"}[job["metric"]]
kind = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}[job["task"]]
predictor = TabularPredictor(label=target, eval_metric=metric, problem_type=kind, path=job["folder"], verbosity=0)
predictor.fit(
    TabularDataset(job["train"]),
    presets=job["preset"],
    time_limit=job["seconds"] - 6,
    num_cpus=job["cores"],
    num_gpus=0,
)
test = TabularDataset(job["test"])
if job["classes"]:
    found = predictor.predict_proba(test)
    done(found.to_numpy(), found.columns)
else:
    done(predictor.predict(test).to_numpy())
clone = predictor.clone_for_deployment(job["folder"] + "-clone", return_clone=True)
shutil.rmtree(job["folder"])
shutil.move(job["folder"] + "-clone", job["folder"])
