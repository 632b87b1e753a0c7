"""scikit-learn's histogram boosting with its defaults; a text of more than its 255 categories is given as codes."""

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from tables import done, frames, job

x, y, test = frames()
for name in x.columns:
    if x[name].dtype == "category" and len(x[name].cat.categories) > 255:
        x[name], test[name] = x[name].cat.codes, test[name].cat.codes
if job["classes"]:
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0).fit(x, y)
    done(model.predict_proba(test), model.classes_)
else:
    done(HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0).fit(x, y).predict(test))
