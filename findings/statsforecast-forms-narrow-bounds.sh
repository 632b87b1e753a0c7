#!/usr/bin/env bash
# statsforecast 2.1.1 (Python 3.11), numpy 2.4.
#
# Expected: AutoETS fits every form of exponential smoothing by itself and takes the one with the lowest AICc. So fitting
# the chosen form alone, on the same values, gives the same parameters and the same AICc; R's ets does.
# Seen: it can be far better alone. Each form's start lowers the upper bounds of beta and gamma in place, in an array that
# all forms of one search share (initparam writes into ets_f's `upper`): to its starting alpha, 0.2 of a form without a
# season and 0.0167 of one with a season of 12. A form with multiplicative errors comes after the seasonal ones, and its
# trend may hardly move.
#     chosen: ETS(M,A,N), beta 0.01676, AICc 847.55
#     alone: ETS(M,A,N), beta 0.20006, AICc 694.04
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet statsforecast==2.1.1 'pandas<3' 'numpy<2.5'
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from statsforecast.models import AutoETS

changes = np.cumsum(np.random.default_rng(0).normal(size=100) * 0.01)
values = 100 * np.exp(np.cumsum(changes))  # a price whose growth wanders
chosen = AutoETS(season_length=12).fit(values).model_
error, trend, season, damped = chosen["components"]
alone = AutoETS(season_length=12, model=error + trend + season, damped=damped != "N").fit(values).model_
for name, found in (("chosen", chosen), ("alone", alone)):
    print(f"{name}: {found['method']}, beta {found['par'][1]:.5f}, AICc {found['aicc']:.2f}")
same = chosen["method"] == alone["method"] == "ETS(M,A,N)"
narrowed = chosen["par"][1] < 0.02 and alone["par"][1] > 0.19
sys.exit(0 if same and narrowed and chosen["aicc"] > alone["aicc"] + 50 else 1)
PYTHON
