"""FLAML with its defaults and the job's metric."""

from flaml import AutoML
from tables import done, frames, job

x, y, test = frames()
metric = {"roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "rmse"}[job["metric"]]
model = AutoML()
model.fit(
    x, y, task="classification" if job["classes"] else "regression", metric=metric, time_budget=job["seconds"] - 5,
    n_jobs=job["cores"], seed=0, verbose=0,
)  # fmt: skip
done(model.predict_proba(test), model.classes_) if job["classes"] else done(model.predict(test))
