"""What the report's sections say around their figures."""

UNTESTED = """\
No part of the data was kept from the search, so nobody knows yet how good the model is on rows that it has not been
chosen by. The values of the folds below are what the search went by, and a little too good for that. Give a test set
(data.test, in Python test_data), or let a part be held back (test_share)."""

TESTED = """\
Measured once, at the end, on {rows} that took no part in the search, in choosing the ensemble, or in training. The
interval (95 %) says how much the value would move with other rows of the same kind."""

HELD_OUT = """\
Measured on {rows} that each model had not learned from; the search chose by them. The interval (95 %) says how much the
value would move with other rows of the same kind."""

CLEAN = """\
No leak of the target, no group or time that a random split would mix, no identifier, nothing else that was looked
for."""

FOUND = "What is certain was mended, and is said here; what is doubtful was left as it is, for you to decide."

FOLDS = """\
A point is a fold, the stroke the pipeline's value. Points that lie far apart say that the data decide more than the
pipeline does."""

ENSEMBLE = """\
Chosen greedily by out-of-fold predictions (Caruana et al. 2004): a pipeline is added as long as the mixture gets better
on rows that the pipeline was not trained on."""

IMPORTANCE = """\
How much worse the model gets when a column's values are shuffled, on rows that it was not trained on. Columns that say
the same share what they are worth, and each of them may look unimportant."""

CALIBRATION = """\
On the diagonal, seven of ten rows with a probability of 0.7 are what was said. Larger points stand for more rows."""

USE = "A command, or three lines of Python. Columns are found by their names, in any order."

CODE = """\
from automl_core import modelfile

model = modelfile.load("MODEL")  # the folder that this file lies in
model.predict(rows)  # rows: a DataFrame, an Arrow table, a list of dicts"""

CHOSEN_APART = (
    "The model, its weights, calibration and threshold were chosen without the test part, which was looked at once."
)

NO_TEST = "There is no test part: believe the values of the folds with care."

CHECKED = "Before the model was published it was loaded in a fresh process, where it scored its golden rows again."
