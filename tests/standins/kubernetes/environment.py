"""A container's command line and environment, as its process gets them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from tests.standins.kubernetes.objects import Object, name_of, namespace_of
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.store import Store
from tests.standins.kubernetes.volumes import PathMap, contents, field_value, real_path

_REFERENCE = re.compile(r"\$\$|\$\(([^()$]*)\)")


class ConfigError(Exception):
    """Something that a container's environment refers to is missing."""


@dataclass(frozen=True)
class Command:
    """What is run."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` by its value, `$$` by `$`; an unknown name stays as it stands."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def pod_address(namespace: str, host: str) -> str:
    """A loopback address of its own for each pod, the same whenever it is asked for.

    The whole of 127.0.0.0/8 is this machine, so two pods may listen on one port, as in a cluster.
    """
    number = crc32(f"{namespace}/{host}".encode())
    return f"127.{64 + (number >> 16) % 128}.{(number >> 8) % 256}.{1 + number % 254}"


def host_of(pod: Object) -> str:
    """What stands for a pod in the cluster's DNS: `<hostname>.<subdomain>` of a headless service, else its name."""
    spec = pod["spec"]
    return f"{spec.get('hostname') or name_of(pod)}.{spec['subdomain']}" if spec.get("subdomain") else name_of(pod)


def replace_hosts(text: str, pod: Object) -> str:
    """Names of a headless service's pods by their addresses: `w-0.svc`, `w-0.svc.ns`, `….svc.cluster.local`."""
    subdomain = pod["spec"].get("subdomain")
    if not subdomain or subdomain not in text:
        return text
    namespace = namespace_of(pod)
    end = rf"(?:\.{re.escape(namespace)}(?:\.svc(?:\.cluster\.local)?)?)?"
    pattern = rf"(?<![\w.-])([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)\.{re.escape(subdomain)}{end}(?![\w-]|\.\w)"
    return re.sub(pattern, lambda found: pod_address(namespace, f"{found[1]}.{subdomain}"), text)


def base_environment(pod: Object) -> dict[str, str]:
    """What an image and the kubelet give every container."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"]),
        "HOME": "/root" if os.geteuid() == 0 else os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "HOSTNAME": (pod["spec"].get("hostname") or name_of(pod))[:63],
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
    }


def declared_environment(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """`envFrom` and `env`, references resolved; ConfigError where a secret, a config map or a key is missing."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for field, resource in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if field in source:
                found = _find(store, pod, resource, source[field])
                data = contents(found) if found else {}
                prefix = source.get("prefix") or ""
                variables |= {prefix + key: value.decode(errors="replace") for key, value in data.items()}
    for variable in container.get("env") or ():
        value = _value(store, pod, container, variable)
        if value is not None:
            variables[variable["name"]] = expand(value, variables) if "valueFrom" not in variable else value
    return variables


def _value(store: Store, pod: Object, container: Object, variable: Object) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return str(variable.get("value") or "")
    if "fieldRef" in source:
        try:
            return field_value(pod, source["fieldRef"]["fieldPath"])
        except KeyError as error:
            raise ConfigError(f"unsupported fieldPath: {error.args[0]}") from error
    if "resourceFieldRef" in source:
        side, _, name = source["resourceFieldRef"]["resource"].partition(".")
        amount = (container["resources"].get(side) or {}).get(name, "0")
        divisor = parse_quantity(source["resourceFieldRef"].get("divisor") or "1") or 1
        return str(-(-parse_quantity(amount) // divisor))
    for field, resource in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
        if field in source:
            reference = source[field]
            found = _find(store, pod, resource, reference)
            data = contents(found) if found else {}
            if reference["key"] in data:
                return data[reference["key"]].decode(errors="replace")
            if not reference.get("optional"):
                kind = "Secret" if resource == "secrets" else "ConfigMap"
                raise ConfigError(
                    f"couldn't find key {reference['key']} in {kind} {namespace_of(pod)}/{reference['name']}"
                )
    return None


def _find(store: Store, pod: Object, resource: str, reference: Object) -> Object | None:
    found = store.find(resource, namespace_of(pod), reference["name"])
    if found is None and not reference.get("optional"):
        raise ConfigError(f'{resource.removesuffix("s")} "{reference["name"]}" not found')
    return found


def command_of(
    store: Store, pod: Object, container: Object, paths: PathMap, root: Path, image_folder: str | None
) -> Command:
    """What a container runs. An image brings no entry point here, so a container without command runs its args."""
    declared = declared_environment(store, pod, container)

    def mapped(text: str) -> str:
        return replace_hosts(paths.apply(text), pod)

    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    arguments = [mapped(expand(word, declared)) for word in words]
    environment = base_environment(pod) | {name: mapped(value) for name, value in declared.items()}
    folder = real_path(paths.apply(container.get("workingDir") or image_folder or str(root)), root)
    if arguments and arguments[0] in {"python", "python3"}:
        arguments[0] = sys.executable
    elif arguments and "/" not in arguments[0]:
        arguments[0] = shutil.which(arguments[0], path=environment["PATH"]) or arguments[0]
    return Command(arguments, environment, folder)
