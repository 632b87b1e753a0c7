"""What the two distributions take on disk: each installed into a fresh environment, with the pins of requirements.txt.

python -m benchmarks.sizes
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

CASES = {
    "automl-core": ["automl_core"],
    "automl-core[search]": ["automl_core[search]"],
    "automl-core, with the extras that airflow-automl asks for": [
        "automl_core[kubernetes,maxcompute,s3,search,tensorboard]"
    ],
    "airflow-automl": ["automl_core", "airflow_automl"],
}
"""What is installed → its wheels, with extras."""


def uv(*arguments: str | Path) -> None:
    """A command of the uv of this environment."""
    subprocess.run([Path(sys.executable).with_name("uv"), *arguments, "--quiet"], check=True)


def size(folder: Path) -> int:
    """Bytes of all files below a folder, each counted once."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum({(stat.st_dev, stat.st_ino): stat.st_size for stat in (path.stat() for path in files)}.values())


def main() -> None:
    """Build both wheels, install and measure."""
    with tempfile.TemporaryDirectory(prefix="automl-sizes-") as made:
        folder = Path(made)
        for project in (ROOT, ROOT / "plugins"):
            uv("build", "--wheel", "--out-dir", folder / "dist", project)
        sizes: dict[str, int] = {}
        for name, wheels in CASES.items():
            python = folder / name / "bin" / "python"
            uv("venv", "--python", sys.executable, folder / name)
            empty = size(folder / name)
            found = []
            for wheel in wheels:
                package, bracket, extras = wheel.partition("[")
                (path,) = (folder / "dist").glob(f"{package}-*.whl")
                found.append(f"{path}{bracket}{extras}")
            uv("pip", "install", "--python", python, "--constraint", ROOT / "requirements.txt", *found)
            sizes[name] = size(folder / name) - empty
    whole = sizes["airflow-automl"]
    print("| installed | MB | of airflow-automl |\n|---|---|---|")
    for name, taken in sizes.items():
        print(f"| `{name}` | {taken / 1e6:.0f} | {taken / whole:.1%} |")


if __name__ == "__main__":
    main()
