#!/usr/bin/env bash
# crowd-kit 1.4.2 (Python 3.11), pandas 3.1, numpy 2.4.
#
# Expected: Dawid-Skene starts from the majority of each task's answers and learns each annotator's errors. Where one
# annotator alone answered a task, nobody contradicts, so her answer stays, if with little confidence.
# Seen: an annotator who has given one of the classes alone so far is taken for one who always says it. Her ten answers
# "yes", each to a task that nobody else had, all come out as "no", a class that nobody gave them, with the share that "no"
# has among all tasks. The table of errors has rows for the answers that an annotator gave and is divided by their sums, so
# the chance of a "yes" from her is 1 whatever is true, and what is left is the prior. Had five of the ten been "no", all
# ten would be kept. Who joins late, or has met the rare class first, is overruled without a word.
#     the answer: yes    Dawid-Skene: no (0.64)    majority: yes
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet crowd-kit==1.4.2 'pandas<3.2' 'numpy<2.5'
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote

random = np.random.default_rng(0)
answers = []
for task in range(200):  # three annotators who are right nine times in ten, on tasks of which most are "no"
    truth, other = ("no", "yes") if random.random() < 0.7 else ("yes", "no")
    answers += [(f"t{task}", who, truth if random.random() < 0.9 else other) for who in ("ann", "ben", "cho")]


def found(hers):
    """The labels of tasks that Eve alone has answered: by Dawid-Skene with their probability, and by majority."""
    rows = answers + [(f"e{at}", "eve", answer) for at, answer in enumerate(hers)]
    table = pd.DataFrame(rows, columns=["task", "worker", "label"])
    skene = DawidSkene(n_iter=100).fit(table)
    tasks = [f"e{at}" for at in range(len(hers))]
    majority = MajorityVote().fit_predict(table)
    return skene.labels_[tasks].tolist(), float(skene.probas_.loc[tasks[0]].max()), majority[tasks].tolist()


alone, probability, majority = found(["yes"] * 10)
print(f"the answer: yes    Dawid-Skene: {alone[0]} ({probability:.2f})    majority: {majority[0]}")
mixed = ["yes", "no"] * 5
kept, _, _ = found(mixed)
print(f"five of each: {kept}")
sys.exit(0 if set(alone) == {"no"} and set(majority) == {"yes"} and kept == mixed else 1)
PYTHON
