"""The API server's verbs over every resource."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tests.standins.kubernetes.admission import add_namespace, admit, generated_name
from tests.standins.kubernetes.applying import apply, note_update
from tests.standins.kubernetes.cluster import Cluster
from tests.standins.kubernetes.metrics import pod_metrics
from tests.standins.kubernetes.objects import (
    ApiError,
    Object,
    already_exists,
    bad_request,
    conflict,
    copy,
    encode,
    forbidden,
    name_of,
    namespace_of,
    not_found,
    timestamp,
)
from tests.standins.kubernetes.patching import apply_patch
from tests.standins.kubernetes.podlogs import LogRequest, LogResponse, find_log
from tests.standins.kubernetes.resources import Resource, Target, parse_path
from tests.standins.kubernetes.schemas import check_fields
from tests.standins.kubernetes.shapes import check_shape
from tests.standins.kubernetes.updates import check_update
from tests.standins.kubernetes.validation import check
from tests.standins.kubernetes.watching import Selection, flag, list_page, number, watch

WARNING = (
    '299 - "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them '
    'or set propagationPolicy=Orphan to suppress this warning"'
)
LARGE = 1 << 18
"""Bytes of a log that is sent in parts."""
PLAIN = {"Content-Type": "text/plain"}
METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


def respond(value: Object, code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(value), code, headers, "application/json")


def refuse(error: ApiError) -> Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return respond(error.status(), error.code, headers)


def verb_of(method: str, target: Target, query: Mapping[str, str]) -> str:
    """The verb that RBAC knows a request by."""
    if method == "GET":
        if target.name is not None:
            return "get"
        return "watch" if flag(query, "watch") else "list"
    if method == "DELETE":
        return "delete" if target.name is not None else "deletecollection"
    try:
        return METHODS[method]
    except KeyError:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")\
            from None  # fmt: skip


class Api:
    """Answers what concerns objects; notes each request; lets it meet the faults that stand."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    async def handle(self, request: Request) -> Response:
        try:
            target = parse_path(request.url.path)
            verb = verb_of(request.method, target, request.query_params)
        except ApiError as error:
            return refuse(error)
        delay, fault = self._cluster.faults.meet(verb, target)
        if delay:
            await asyncio.sleep(delay)
        try:
            if fault is not None:
                raise fault
            response = await self._do(verb, target, request)
        except ApiError as error:
            response = refuse(error)
        path, query = request.url.path, request.url.query
        self._cluster.journal.note(verb, target, response.status_code, path, query)
        return response

    async def _do(self, verb: str, target: Target, request: Request) -> Response:
        query = request.query_params
        if verb not in target.resource.verbs and target.subresource is None:
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        if target.resource.group == "metrics.k8s.io":
            return respond(pod_metrics(self._cluster, target, query))
        match verb:
            case "get" if target.subresource == "log":
                pod = self._one(target)
                log = find_log(self._cluster.kubelet, pod, query)
                if log is None:
                    return Response(b"", headers=PLAIN)
                asked = LogRequest(self._cluster.kubelet, pod["spec"]["nodeName"], log, query)
                if asked.follow or log.path.stat().st_size > LARGE:
                    return LogResponse(asked.parts(), headers=PLAIN)
                return Response(b"".join([part async for part in asked.parts()]), headers=PLAIN)
            case "get":
                return respond(self._one(target))
            case "list":
                return respond(list_page(self._store, target, query))
            case "watch":
                Selection(target, query)
                return StreamingResponse(watch(self._store, target, query), media_type="application/json")
            case "create":
                return self._create(target, await _body(request), query)
            case "update":
                manager = query.get("fieldManager") or request.headers.get("user-agent", "").partition("/")[0]
                return self._update(target, await _body(request), manager)
            case "patch":
                kind = request.headers.get("content-type", "")
                if kind.startswith("application/apply-patch+yaml"):
                    return self._apply(target, await _body(request), query)
                manager = query.get("fieldManager") or request.headers.get("user-agent", "").partition("/")[0]
                return self._patch(target, kind, await request.body(), manager, dry=bool(query.get("dryRun")))
            case _:
                return self._delete(target, await request.body(), query)

    def _one(self, target: Target) -> Object:
        found = self._store.find(target.resource.plural, target.namespace or "", target.name or "")
        if found is None:
            raise not_found(target.resource.full_name, target.name or "")
        return found

    def _create(self, target: Target, value: Object, query: Mapping[str, str]) -> Response:
        resource = target.resource
        if target.subresource == "eviction":
            self._one(target)
            self._cluster.disruption.evict_by_api(target.namespace or "", target.name or "")
            return respond(
                {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201
            )
        if resource.kind == "SelfSubjectAccessReview":
            return respond(self._review(value), 201)
        _check_kind(resource, value)
        check_shape(resource, value)
        metadata = value.setdefault("metadata", {})
        if resource.namespaced:
            if metadata.get("namespace") not in {None, "", target.namespace}:
                raise bad_request(f"the namespace of the provided object does not match the namespace sent on the "
                                  f"request ({metadata['namespace']} != {target.namespace})")  # fmt: skip
            metadata["namespace"] = target.namespace
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = generated_name(metadata["generateName"], self._cluster.random)
        if query.get("fieldValidation") == "Strict":
            check_fields(resource, value)
        admit(self._store, resource, value)
        check(resource, value)
        if query.get("dryRun"):
            if self._store.find(resource.plural, namespace_of(value), name_of(value)) is not None:
                raise already_exists(resource.full_name, name_of(value))
            value["metadata"] |= {"uid": "00000000-0000-4000-8000-000000000000", "creationTimestamp": timestamp()}
            return respond(value, 201)
        if resource.kind == "Namespace":
            if self._store.find("namespaces", "", name_of(value)) is not None:
                raise already_exists("namespaces", name_of(value))
            return respond(add_namespace(self._store, value), 201)
        if self._store.find(resource.plural, namespace_of(value), name_of(value)) is not None:
            raise already_exists(resource.full_name, name_of(value))
        made = self._store.create(resource.plural, value)
        return respond(self._store.find(resource.plural, namespace_of(made), name_of(made)) or made, 201)

    def _review(self, value: Object) -> Object:
        asked = (value.get("spec") or {}).get("resourceAttributes") or {}
        resource = asked.get("resource", "*") + (f"/{asked['subresource']}" if asked.get("subresource") else "")
        allowed = self._cluster.faults.allowed(
            asked.get("verb", "*"), asked.get("group", ""), resource, asked.get("name")
        )
        return {**value, "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
                "status": {"allowed": allowed}}  # fmt: skip

    def _apply(self, target: Target, wanted: Object, query: Mapping[str, str]) -> Response:
        """Server-side apply: the object is made where there is none."""
        resource, manager = target.resource, query.get("fieldManager")
        if not manager:
            why = "fieldManager: Required value: is required for apply patch"
            raise ApiError(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {why}')
        wanted.setdefault("metadata", {})
        if wanted["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        _check_kind(resource, wanted)
        check_shape(resource, wanted)
        if wanted["metadata"].setdefault("name", target.name) != target.name:
            raise bad_request(f"the name of the object ({wanted['metadata']['name']}) does not match the name on the "
                              f"URL ({target.name})")  # fmt: skip
        if query.get("fieldValidation") == "Strict":
            check_fields(resource, wanted)
        current = self._store.find(resource.plural, target.namespace or "", target.name or "")
        if current is None and not self._cluster.faults.allowed("create", resource.group, resource.plural, target.name):
            raise forbidden(resource.full_name, target.name or "", f'User "standin" cannot create resource '
                            f'"{resource.plural}" in API group "{resource.group}"')  # fmt: skip
        applied = apply(current, wanted, manager, force=query.get("force") == "true")
        if current is not None:
            return respond(self._put(target, current, applied))
        entries = applied["metadata"]["managedFields"]
        applied["metadata"]["namespace"] = target.namespace
        admit(self._store, resource, applied)
        check(resource, applied)
        applied["metadata"]["managedFields"] = entries
        return respond(self._store.create(resource.plural, applied), 201)

    def _update(self, target: Target, value: Object, manager: str) -> Response:
        current = self._one(target)
        _check_kind(target.resource, value)
        note_update(current, value, manager)
        return respond(self._put(target, current, value))

    def _patch(self, target: Target, kind: str, body: bytes, manager: str, *, dry: bool) -> Response:
        current = self._one(target)
        patched = apply_patch(kind, current, body)
        if target.subresource == "resize":
            return respond(self._resize(current, patched))
        note_update(current, patched, manager)
        return respond(self._put(target, current, patched, dry=dry))

    def _resize(self, current: Object, patched: Object) -> Object:
        """Take over what containers are to use from now on, and nothing else."""
        wanted = {each["name"]: each.get("resources") or {} for each in patched["spec"]["containers"]}

        def change(held: Object) -> None:
            for container in held["spec"]["containers"]:
                container["resources"] = wanted.get(container["name"], container["resources"])

        put = self._store.edit("pods", namespace_of(current), name_of(current), change) or current
        worker = self._cluster.kubelet.worker(current["metadata"]["uid"])
        if worker is not None:
            worker.resize(wanted)
        return put

    def _put(self, target: Target, current: Object, value: Object, *, dry: bool = False) -> Object:
        """Put a changed object in place: what may not change is kept or refused."""
        resource = target.resource
        metadata = value.setdefault("metadata", {})
        version = metadata.get("resourceVersion")
        if version not in {None, "", current["metadata"]["resourceVersion"]}:
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise conflict(resource.full_name, name_of(current), why)
        if metadata.get("name") != name_of(current):
            raise bad_request(f"the name of the object ({metadata.get('name')}) does not match the name on the URL "
                              f"({name_of(current)})")  # fmt: skip
        value = copy(value)
        check_shape(resource, value)
        check_update(resource, current, value, status=target.subresource == "status")
        if dry:
            return value
        put = self._store.replace(resource.plural, value)
        self._cluster.release(resource.plural, put)
        return put

    def _delete(self, target: Target, body: bytes, query: Mapping[str, str]) -> Response:
        options = _options(body)
        grace = options.get("gracePeriodSeconds")
        if grace is None:
            grace = number(query, "gracePeriodSeconds")
        propagation = options.get("propagationPolicy") or query.get("propagationPolicy")
        if propagation not in {None, "Background", "Foreground", "Orphan"}:
            allowed = '"Background", "Foreground", "Orphan"'
            message = f'propagationPolicy: Unsupported value: "{propagation}": supported values: {allowed}'
            raise ApiError(422, "Invalid", f'DeleteOptions.meta.k8s.io "" is invalid: {message}')
        resource = target.resource
        if target.name is None:
            found = Selection(target, query).select(self._store)
            items = [self._cluster.delete(resource.plural, value, grace, propagation) for value in found]
            metadata = {"resourceVersion": str(self._store.version)}
            kind = f"{resource.kind}List"
            return respond({"kind": kind, "apiVersion": resource.api_version, "metadata": metadata, "items": items})
        current = self._one(target)
        for field in ("uid", "resourceVersion"):
            wanted = (options.get("preconditions") or {}).get(field)
            if wanted and wanted != current["metadata"][field]:
                name = "UID" if field == "uid" else "ResourceVersion"
                raise conflict(resource.full_name, name_of(current),
                               f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: "
                               f"{current['metadata'][field]}")  # fmt: skip
        if query.get("dryRun"):
            return respond(current)
        gone = self._cluster.delete(resource.plural, current, grace, propagation)
        headers = {"Warning": WARNING} if resource.plural == "jobs" and not propagation else {}
        if resource.plural in {"pods", "namespaces", "persistentvolumeclaims", "serviceaccounts"}:
            return respond(gone, headers=headers)
        details = {"name": name_of(current), "kind": resource.plural, "uid": current["metadata"]["uid"]}
        details |= {"group": resource.group} if resource.group else {}
        return respond({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details},
                       headers=headers)  # fmt: skip


async def _body(request: Request) -> Object:
    return _decoded(await request.body(), request.headers.get("content-type", ""))


def _decoded(body: bytes, kind: str) -> Object:
    try:
        value: Any = yaml.safe_load(body) if "yaml" in kind else msgspec.json.decode(body)
    except (msgspec.DecodeError, yaml.YAMLError) as error:
        raise bad_request(f"the object provided is unrecognized: couldn't get version/kind; {error}") from error
    if not isinstance(value, dict):
        raise bad_request("the object provided is unrecognized: it is not an object")
    found: Object = _without_nulls(value)
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _options(body: bytes) -> Object:
    return _decoded(body, "application/json") if body.strip() else {}


def _check_kind(resource: Resource, value: Object) -> None:
    kind, version = value.get("kind", resource.kind), value.get("apiVersion", resource.api_version)
    if (kind, version) != (resource.kind, resource.api_version):
        group, _, short = version.rpartition("/")
        message = f'{kind} in version "{short}" cannot be handled as a {resource.kind}: no kind "{kind}" is registered'
        if re.fullmatch(r"[\w.]*", group):
            raise bad_request(message)
