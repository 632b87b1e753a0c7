#!/usr/bin/env bash
# PyTorch Lightning 2.6.6 (tqdm 4.70.1, torch 2.13.0, Python 3.11).
#
# Expected: the progress bar's val_loss=3.080 is the value to three decimals.
# Seen: the value is rounded to three SIGNIFICANT digits, then zeros are appended up to five characters, so the last digit
# shown is not measured: 3.0767 is shown as 3.080, 0.98765 as 0.988, 98.765 as 98.80. NaN, no number at all, is padded
# the same way and becomes "nan.0" (infinity "inf.0"), which float() refuses.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet lightning==2.6.6 torch==2.13.0 numpy==2.4.6 tqdm==4.70.1
"$place/venv/bin/python" - <<'PY'
import io
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm

out = io.StringIO()
bar = Tqdm(total=1, file=out)
bar.set_postfix({"a": 3.0767, "b": 98.765, "c": float("nan"), "d": float("inf")})
bar.close()
shown = out.getvalue()
print(shown)
assert "a=3.080, b=98.80, c=nan.0, d=inf.0" in shown
PY
