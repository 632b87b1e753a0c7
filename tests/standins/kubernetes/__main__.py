"""`python -m tests.standins.kubernetes --port 0 --kubeconfig PATH`: the stand-in as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import resource
import secrets
import shutil
import tempfile
from pathlib import Path

import uvloop

from tests.standins.kubernetes.cluster import Cluster, Settings
from tests.standins.kubernetes.schemas import install
from tests.standins.kubernetes.server import Listener, serve

PR_SET_CHILD_SUBREAPER = 36


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.kubernetes", description=__doc__)
    defaults = Settings()
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="where to write the kubeconfig")
    parser.add_argument("--data", type=Path, help="folder of logs, volumes and claims (default: one for this run)")
    parser.add_argument("--nodes", type=int, default=defaults.nodes)
    for name in ("cpu", "memory", "gpus"):
        parser.add_argument(f"--{name}", default=getattr(defaults, name), help="of each node")
    parser.add_argument("--pods", type=int, default=defaults.pods, help="at most on each node")
    parser.add_argument("--namespace", action="append", default=[], help="a namespace that exists from the start")
    parser.add_argument("--back-off", type=float, default=defaults.back_off, help="seconds, doubled each time")
    parser.add_argument("--start", type=float, default=defaults.start, help="seconds until a pod's containers start")
    parser.add_argument("--deletion", type=float, default=defaults.deletion, help="seconds until what ended is gone")
    parser.add_argument("--history", type=int, default=defaults.history, help="changes that a watch can go back")
    parser.add_argument("--image-folder", help="working directory that every image brings")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of generated names")
    parser.add_argument("--kueue", action="store_true", help="with Kueue: queues and quotas")
    parser.add_argument("--trainer", action="store_true", help="with Kubeflow Trainer: TrainJobs")
    parser.add_argument("--crd", type=Path, action="append", default=[], help="file of custom resource definitions")
    parser.add_argument("--unfenced", action="store_true", help="no network plugin that knows network policies")
    parser.add_argument("--log-delay", type=float, default=defaults.log_delay, help="seconds until a line can be read")
    parser.add_argument("--log-max-size", type=int, default=defaults.log_max_size, help="bytes, then it is rotated")
    parser.add_argument("--log-check", type=float, default=defaults.log_check, help="seconds between looks at that")
    parser.add_argument("--log-watchers", type=int, default=defaults.log_watchers, help="logs followed at once, a node")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it has ended")
    return parser.parse_args()


def write_kubeconfig(path: Path, url: str, token: str, namespace: str) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "standin", "cluster": {"server": url}}],
        "users": [{"name": "standin", "user": {"token": token}}],
        "contexts": [{"name": "standin", "context": {"cluster": "standin", "user": "standin", "namespace": namespace}}],
        "current-context": "standin",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)


async def run(options: argparse.Namespace, folder: Path) -> None:
    settings = Settings(
        nodes=options.nodes, cpu=options.cpu, memory=options.memory, gpus=options.gpus, pods=options.pods,
        namespaces=tuple(options.namespace), back_off=options.back_off, start=options.start,
        deletion=options.deletion, history=options.history, image_folder=options.image_folder, seed=options.seed,
        kueue=options.kueue, trainer=options.trainer, unfenced=options.unfenced, log_delay=options.log_delay,
        log_max_size=options.log_max_size, log_check=options.log_check, log_watchers=options.log_watchers,
    )  # fmt: skip
    for path in options.crd:
        install(path)
    token = secrets.token_urlsafe(24)
    listener = Listener(options.port)
    url = f"http://127.0.0.1:{listener.port}"
    namespace = options.namespace[0] if options.namespace else "default"
    write_kubeconfig(options.kubeconfig, url, token, namespace)
    ready = asyncio.Event()

    async def announce() -> None:
        await ready.wait()
        print(json.dumps({"url": url, "kubeconfig": str(options.kubeconfig), "pid": os.getpid()}), flush=True)

    announcing = asyncio.create_task(announce())
    await serve(Cluster(settings, folder), listener, token, ready, with_parent=options.with_parent)
    await announcing


def main() -> None:
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # processes that containers leave behind come to us, not to init: none outlives the stand-in
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = options.data or Path(tempfile.mkdtemp(prefix="kubernetes-standin-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(options, folder))
    finally:
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
