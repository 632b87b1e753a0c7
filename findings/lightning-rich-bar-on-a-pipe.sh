#!/usr/bin/env bash
# PyTorch Lightning 2.6.6, rich 15.0.0, torch 2.13.0, Python 3.11.
#
# Expected: Trainer's default progress bar is tqdm's and leaves a line an epoch in a log, whatever else is installed.
# Seen: where rich is installed (other packages bring it along), the default bar is rich's; when standard output is no
# terminal, only the state of the LAST epoch is printed, once, at the end of fit, and at 80 columns its metrics wrap onto
# a second line. The metrics of all earlier epochs are in no log. Of 4 epochs the whole output is
#     Epoch 3/3  ━━━━━━━━━━━━━━━━━━ 4/4 0:00:00 • 0:00:00 62.25it/s val_loss: 1.537
# The same program without rich prints all four epochs with tqdm.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet lightning==2.6.6 torch==2.13.0 numpy==2.4.6 rich==15.0.0
cat > "$place/fit.py" <<'PY'
import lightning, torch

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, index):
        return self.layer(batch).square().mean()
    def validation_step(self, batch, index):
        self.log("val_loss", self.layer(batch).square().mean(), prog_bar=True)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)

rows = torch.utils.data.DataLoader(torch.randn(16, 4), batch_size=4)
lightning.Trainer(max_epochs=4, logger=False, enable_checkpointing=False, accelerator="cpu").fit(Model(), rows, rows)
PY
epochs() { (cd "$place" && env -u COLUMNS "$place/venv/bin/python" fit.py 2>/dev/null | grep -o 'Epoch [0-9]' | sort -u | tr '\n' ' '); }
with_rich=$(epochs)
"$place/venv/bin/pip" uninstall --quiet --yes rich
without_rich=$(epochs)
echo "with rich: $with_rich; without: $without_rich"
[ "$with_rich" = "Epoch 3 " ] && [ "$without_rich" = "Epoch 0 Epoch 1 Epoch 2 Epoch 3 " ]
