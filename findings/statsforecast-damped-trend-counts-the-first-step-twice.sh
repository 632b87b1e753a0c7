#!/usr/bin/env bash
# statsforecast 2.1.1 (Python 3.11), ETS with a damped trend.
#
# Expected: h steps ahead a damped additive trend adds (phi + phi^2 + … + phi^h) times the growth (Hyndman, Koehler, Ord
# & Snyder 2008, table 2.1; statsforecast's own one-step recursion does). So a forecast that comes true changes nothing:
# running the fitted model on (`forward`) by its own first forecast gives the old second forecast as its first.
# Seen: h steps ahead it adds (phi + phi + phi^2 + … + phi^(h-1)) times the growth. The second step goes as far beyond the
# first as the first does beyond the level, and after the first forecast has come true the second one is another.
#     phi 0.849, by growth: step 1 0.8493, step 2 1.6986, step 3 2.4199 (book: 0.8493, 1.5706, 2.1832)
#     second step: 92.906106; once the first has come true: 92.680719
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet statsforecast==2.1.1 'pandas<3'
unset PYTHONPATH
"$place/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from statsforecast.models import AutoETS

noise = np.random.default_rng(0)
y = 100.0 - 60.0 * 0.85 ** np.arange(40) + noise.normal(size=40) / 10.0  # growth that fades
model = AutoETS(model="AAN", damped=True).fit(y[:12])
phi = float(model.model_["par"][3])
level, growth = model.model_["states"][-1][:2]
forecast = model.predict(3)["mean"]
by_growth = (forecast - level) / growth
book = [sum(phi**each for each in range(1, h + 1)) for h in (1, 2, 3)]
print(f"phi {phi:.3g}, by growth:", ", ".join(f"step {h} {value:.4f}" for h, value in enumerate(by_growth, 1)),
      f"(book: {', '.join(f'{value:.4f}' for value in book)})")
then = model.forward(np.append(y[:12], forecast[0]), h=1)["mean"][0]
print(f"second step: {forecast[1]:.6f}; once the first has come true: {then:.6f}")
same = abs(then - forecast[1]) < 1e-6 * abs(forecast[1])
seen = np.allclose(by_growth, [phi, 2 * phi, 2 * phi + phi**2], rtol=1e-6)
sys.exit(0 if seen and not same else 1)
PYTHON
