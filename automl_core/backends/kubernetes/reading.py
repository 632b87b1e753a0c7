"""Read a cluster's configuration with the official client, in a process of its own: what is needed to be let in.

Run by path, by `automl_core.backends.kubernetes.access`; it imports nothing of ours. The official client's package
costs 60 MB and a second wherever it is imported, and a triggerer needs nothing of it but this: kubeconfig files with
all that they may hold (contexts, programs that log in, files beside them), and the service account of a pod. Asked on
stdin and answered on stdout, since what is told is secret: neither arguments nor the environment of a process are.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any


async def read(cluster: dict[str, Any]) -> dict[str, Any]:
    """What a cluster's configuration says.

    Args:
        cluster: ``in_cluster``, ``kubeconfig_path``, ``kubeconfig``, ``context`` of `access.Cluster`.

    Returns:
        ``host``, ``authorization`` (a header's value, empty for none), ``token_file`` (a file that has the token at any
        time, None where there is none), ``ca``, ``cert``, ``key`` (texts in PEM), ``verify``, ``strict``,
        ``server_name``, ``proxy``.
    """
    import kubernetes_asyncio.config
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import incluster_config

    config: Any = kubernetes_asyncio.config  # which is typed in part
    found, context, in_cluster = Configuration(), cluster["context"], False
    if cluster["in_cluster"]:
        config.load_incluster_config(client_configuration=found)
        in_cluster = True
    elif cluster["kubeconfig"] is not None:
        await config.load_kube_config_from_dict(cluster["kubeconfig"], context=context, client_configuration=found)
    elif cluster["kubeconfig_path"]:
        await config.load_kube_config(
            config_file=cluster["kubeconfig_path"], context=context, client_configuration=found
        )
    else:
        try:
            config.load_incluster_config(client_configuration=found)
            in_cluster = True
        except config.ConfigException:
            await config.load_kube_config(context=context, client_configuration=found)
    token = await found.get_api_key_with_prefix("BearerToken")
    if not token and found.username:
        token = found.get_basic_auth_token()
    return {
        "host": found.host, "authorization": token or "",
        "token_file": incluster_config.SERVICE_TOKEN_FILENAME if in_cluster else None,
        # the client keeps what stands in the kubeconfig itself in files that end with this process
        "ca": _certificates(_text(found.ssl_ca_cert)), "cert": _text(found.cert_file), "key": _text(found.key_file),
        "verify": bool(found.verify_ssl), "strict": not found.disable_strict_ssl_verification,
        "server_name": found.tls_server_name, "proxy": found.proxy,
    }  # fmt: skip


def _text(path: str | None) -> str | None:
    return Path(path).read_text(encoding="utf-8", errors="replace") if path else None


def _certificates(text: str | None) -> str | None:
    """The certificates of a bundle without what stands between them: names of authorities, in any letters."""
    if text is None:
        return None
    return "\n".join(re.findall(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", text, re.DOTALL)) or text


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What `read` tells; ``missing``: a package, or ``error``: words, where it can't."""
    try:
        return asyncio.run(read(asked))
    except ImportError as error:
        return {"missing": str(error.name or error)}
    except Exception as error:  # what a kubeconfig may hold is open: files, programs, login services
        return {"error": str(error) or type(error).__name__}


def main() -> None:
    """Answer one question."""
    out, sys.stdout = sys.stdout, sys.stderr  # a program that logs in, or the client, may print
    json.dump(answer(json.load(sys.stdin)), out)


if __name__ == "__main__":
    main()
