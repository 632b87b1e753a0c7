"""Write .env for docker-compose.yaml: every secret at random, readable by its owner alone. Never overwrites one."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path


def lines() -> list[str]:
    """What the file holds; nothing but the standard library is needed to make it."""
    secret = secrets.token_urlsafe
    return [
        "# Made by `make compose-env` for docker-compose.yaml. Keep it to yourself.",
        f"AIRFLOW_PASSWORD={secret(18)}",
        f"POSTGRES_PASSWORD={secret(24)}",
        f"FERNET_KEY={base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
        f"API_SECRET_KEY={secret(32)}",
        f"JWT_SECRET={secret(48)}",
        f"S3_SECRET_KEY={secret(24)}",
        "# A bucket of your own in place of the S3 server in memory:",
        "# S3_ENDPOINT=https://s3.eu-central-1.amazonaws.com",
        "# S3_REGION=eu-central-1",
        "# S3_ACCESS_KEY=…",
    ]


def main(path: Path) -> int:
    """Write the file unless it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{path} is there already; its secrets are kept")
        return 0
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines()) + "\n")
    print(f"{path}: made. The user is admin, the password AIRFLOW_PASSWORD in it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".env")))
