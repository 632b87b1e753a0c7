"""MLflow's tracking API as `automl_core.tracking` meets it: a stand-in in memory with the rules of MLflow 3.17.

tests/heavy/test_mlflow.py holds the same calls to a real server.
"""

from __future__ import annotations

import json
import re
from typing import Any

import httpx


class Refused(Exception):
    """As MLflow says it."""

    def __init__(self, code: str, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.code, self.status = code, status


class FakeMlflow:
    """Experiments and runs, and what was asked."""

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        """Registered models: versions by number, aliases, and the last number that was given."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[httpx.Headers] = []
        self.break_after: int | None = None
        self.lost: int | None = None
        """Which request, counted from 1, is carried out and answered 502, as by a gateway."""
        self.page = 2

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def live(self) -> list[dict[str, Any]]:
        return [each for each in self.runs.values() if not each["deleted"]]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        path = request.url.path.partition("/api/2.0/mlflow/")[2]
        body = dict(request.url.params) if request.method == "GET" else json.loads(request.content)
        assert len(request.content) <= 1_000_000, (
            "MLflow documents 1 MB for a request, and some who speak its API hold to it"
        )
        self.asked.append((path, body))
        if self.break_after is not None and len(self.asked) > self.break_after:
            return httpx.Response(400, json={"error_code": "INTERNAL", "message": "the disk is full"})
        try:
            own = "" if request.method in ("GET", "POST") else f"_{request.method.lower()}"
            done = getattr(self, "_" + re.sub(r"\W", "_", path) + own)(**body)
            if len(self.asked) == self.lost:
                return httpx.Response(502, text="bad gateway")
            return httpx.Response(200, json=done)
        except Refused as error:
            return httpx.Response(error.status, json={"error_code": error.code, "message": str(error)})

    def _experiments_get_by_name(self, experiment_name: str) -> dict[str, Any]:
        if experiment_name not in self.experiments:
            raise Refused("RESOURCE_DOES_NOT_EXIST", "Could not find it", 404)
        return {"experiment": self.experiments[experiment_name]}

    def _experiments_create(self, name: str) -> dict[str, Any]:
        if name in self.experiments:
            raise Refused("RESOURCE_ALREADY_EXISTS", "there is one")
        number = str(len(self.experiments) + 1)
        self.experiments[name] = {"experiment_id": number, "name": name, "lifecycle_stage": "active"}
        return {"experiment_id": number}

    def _runs_create(self, experiment_id: str, run_name: str, start_time: int, tags: list[Any]) -> dict[str, Any]:
        run = f"{len(self.runs):032x}"
        self.runs[run] = {
            "run_id": run, "experiment": experiment_id, "name": run_name, "start": start_time, "status": "RUNNING",
            "tags": {each["key"]: each["value"] for each in tags}, "params": {}, "metrics": {}, "deleted": False,
        }  # fmt: skip
        return {"run": {"info": {"run_id": run}}}

    def _runs_log_batch(
        self, run_id: str, metrics: list[Any] = [], params: list[Any] = [], tags: list[Any] = []  # noqa: B006
    ) -> dict[str, Any]:  # fmt: skip
        run = self.runs[run_id]
        if len(metrics) > 1000 or len(params) > 100 or len(tags) > 100 or len(metrics + params + tags) > 1000:
            raise Refused("INVALID_PARAMETER_VALUE", "A batch logging request can contain at most …")
        for each in metrics + params:
            if not re.fullmatch(r"[\w\-. :/]{1,250}", each["key"]) or "//" in each["key"]:
                raise Refused("INVALID_PARAMETER_VALUE", f"Invalid value {each['key']}")
        for each in metrics:
            json.dumps(each["value"], allow_nan=False)
            if each["step"] != int(each["step"]) or abs(each["step"]) >= 2**63:
                run["metrics"].setdefault(each["key"], {})[0] = each["value"]
                return {}  # read as far as this, and answered 200
            run["metrics"].setdefault(each["key"], {})[each["step"]] = each["value"]
        for each in params:
            if run["params"].setdefault(each["key"], each["value"]) != each["value"]:
                raise Refused("INVALID_PARAMETER_VALUE", "Changing param values is not allowed")
        run["tags"] |= {each["key"]: each["value"] for each in tags}
        return {}

    def _runs_update(self, run_id: str, status: str, end_time: int | None = None) -> dict[str, Any]:
        self.runs[run_id] |= {"status": status, "end": end_time}
        return {}

    def _runs_delete(self, run_id: str) -> dict[str, Any]:
        self.runs[run_id]["deleted"] = True
        return {}

    def _runs_search(
        self, experiment_ids: list[str], filter: str, max_results: int, order_by: list[str], page_token: str = "0"
    ) -> dict[str, Any]:  # fmt: skip
        match = re.fullmatch(r"tags\.`([^`]+)` = (['\"])(.*)\2", filter)
        assert match is not None
        found = [
            {"info": {"run_id": each["run_id"], "status": each["status"]},
             "data": {kind: [{"key": key} | ({"value": value} if kind != "metrics" else {})
                             for key, value in each[kind].items()] for kind in ("tags", "params", "metrics")}}
            for each in self.live()
            if each["experiment"] in experiment_ids and each["tags"].get(match[1]) == match[3]
        ]  # fmt: skip
        first = int(page_token)
        last = first + min(self.page, max_results)
        return {"runs": found[first:last], **({"next_page_token": str(last)} if last < len(found) else {})}

    # --- registered models ----------------------------------------------------------------------

    def _registered_models_create(self, name: str, description: str) -> dict[str, Any]:
        if name in self.models:
            raise Refused("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
        self.models[name] = {"versions": {}, "aliases": {}, "last": 0}
        return {"registered_model": {"name": name}}

    def _model(self, name: str) -> dict[str, Any]:
        if name not in self.models:
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found", 404)
        return self.models[name]

    def _version(self, name: str, version: str) -> dict[str, Any]:
        assert isinstance(version, str)
        found: dict[int, dict[str, Any]] = self._model(name)["versions"]
        if int(version) not in found:
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found", 404)
        return found[int(version)]

    def _registered_models_get(self, name: str) -> dict[str, Any]:
        aliases = [{"alias": key, "version": str(number)} for key, number in self._model(name)["aliases"].items()]
        return {"registered_model": {"name": name, **({"aliases": aliases} if aliases else {})}}

    def _registered_models_alias(self, name: str, alias: str, version: str) -> dict[str, Any]:
        self._version(name, version)
        if alias == "latest" or re.fullmatch(r"v\d+", alias):
            raise Refused("INVALID_PARAMETER_VALUE", f"{alias} is reserved")
        self._model(name)["aliases"][alias] = int(version)
        return {}

    def _registered_models_alias_delete(self, name: str, alias: str) -> dict[str, Any]:
        self._model(name)["aliases"].pop(alias, None)
        return {}

    def _model_versions_create(self, name: str, source: str, tags: list[Any]) -> dict[str, Any]:
        found = self._model(name)
        if source.partition("://")[0] in ("", "file"):
            raise Refused("INVALID_PARAMETER_VALUE", f"Invalid model version source: '{source}'")
        found["last"] += 1
        found["versions"][found["last"]] = {
            "source": source, "tags": {each["key"]: each["value"] for each in tags},
        }  # fmt: skip
        return {"model_version": {"name": name, "version": str(found["last"])}}

    def _model_versions_search(self, filter: str, max_results: str, page_token: str = "0") -> dict[str, Any]:
        match = re.fullmatch(r"name='((?:[^']|'')*)'", filter)
        assert match is not None
        found = [
            {"version": str(number), "tags": [{"key": key, "value": value} for key, value in each["tags"].items()]}
            for number, each in sorted(self._model(match[1].replace("''", "'"))["versions"].items(), reverse=True)
        ]
        first = int(page_token)
        last = first + min(self.page, int(max_results))
        return {"model_versions": found[first:last], **({"next_page_token": str(last)} if last < len(found) else {})}

    def _model_versions_set_tag(self, name: str, version: str, key: str, value: str) -> dict[str, Any]:
        self._version(name, version)["tags"][key] = value
        return {}

    def _model_versions_delete_tag_delete(self, name: str, version: str, key: str) -> dict[str, Any]:
        self._version(name, version)["tags"].pop(key, None)
        return {}

    def _model_versions_delete_delete(self, name: str, version: str) -> dict[str, Any]:
        self._version(name, version)
        found = self._model(name)
        del found["versions"][int(version)]
        found["aliases"] = {key: number for key, number in found["aliases"].items() if number != int(version)}
        return {}
