"""MLflow's REST API (2.0), as far as runs need it; with Airflow's pins its package would be one of 2022."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from automl_core.bearer import BadToken, bearer

METRICS, PARAMS, TAGS = 1000, 100, 100
"""What one request of `log-batch` may hold at most (MLflow 3.17, and its documentation since 1.0)."""

_TOGETHER = 1000
"""And all three together."""

_BYTES = 900_000
"""What the lists of one request may have in bytes, of its JSON. MLflow documents 1 MB ("Request limits" of its REST
API); 3.17 takes more (it counts the request's fields), others that speak its API don't."""

_PASSING = (429, 500, 502, 503, 504)
_WAITS = (1.0, 3.0, 8.0)
"""Seconds before a request is sent once more."""


MARK = "automl.export"
"""Tag of a run or version: chance digits of the call that made it, the same however often its request was sent."""


class MlflowError(Exception):
    """The server can't be reached, or refuses. The message says which, and holds no secret."""


class MlflowServer:
    """A tracking server. Use it in a ``with`` statement."""

    def __init__(
        self, url: str, *, token: str = "", username: str = "", password: str = "",
        transport: httpx.BaseTransport | None = None, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        """Asks nothing yet.

        Args:
            url: address of the server, with the path that a proxy gives it.
            token: sent as a bearer token; goes before a user.
            username, password: of basic authentication.
            transport: of the HTTP client; the network when left out.
            sleep: how to wait.

        Raises:
            MlflowError: the address is none, or has a password in it; the token can't be sent.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise MlflowError("the address of an MLflow server begins with http:// or https:// and has a host")
        if parts.password or parts.username:
            raise MlflowError("user and password don't belong in the address of an MLflow server: it is shown in logs")
        self.url = url.rstrip("/")
        near = parts.hostname in ("localhost", "127.0.0.1", "::1")
        try:
            headers = bearer(token)
        except BadToken as error:
            raise MlflowError(f"the MLflow server {self.url} is not asked: {error}") from None
        self._http = httpx.Client(
            base_url=self.url, headers=headers, auth=(username, password) if username and not token else None,
            timeout=30, transport=transport, trust_env=not near,
        )  # fmt: skip
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is made where there is none.

        Raises:
            MlflowError: it was deleted (its name stays taken until MLflow's gc), or the server refuses.
        """
        found = self._asked("GET", "experiments/get-by-name", {"experiment_name": name}, missing=True)
        if found is None:
            made = self._asked("POST", "experiments/create", {"name": name}, missing=True)
            if made is not None:
                return str(made["experiment_id"])
            found = self.ask("GET", "experiments/get-by-name", experiment_name=name)  # made by another meanwhile
        one = found["experiment"]
        if one.get("lifecycle_stage", "active") != "active":
            raise MlflowError(
                f"the experiment {name!r} of {self.url} was deleted, and its name stays taken: restore it there "
                "(`mlflow experiments restore`), or name another one"
            )
        return str(one["experiment_id"])

    def runs(self, experiment: str, tag: str, value: str) -> Iterator[dict[str, Any]]:
        """The runs of an experiment that have a tag, the oldest first.

        Each with ``run_id``, ``status`` and ``tags``.
        """
        quoted = '"' if "'" in value else "'"
        if quoted in value:
            raise MlflowError(f"a tag with both kinds of quotes can't be looked for: {value}")
        page = ""
        while True:
            found = self.ask(
                "POST", "runs/search", experiment_ids=[experiment], filter=f"tags.`{tag}` = {quoted}{value}{quoted}",
                max_results=1000, order_by=["attributes.start_time ASC"], **({"page_token": page} if page else {}),
            )  # fmt: skip
            for each in found.get("runs", ()):
                data = each.get("data", {})
                yield {
                    "run_id": each["info"]["run_id"], "status": each["info"]["status"],
                    "tags": {one["key"]: one["value"] for one in data.get("tags", ())},
                }  # fmt: skip
            page = found.get("next_page_token", "")
            if not page:
                return

    def create(self, experiment: str, name: str, started: int, tags: Mapping[str, str]) -> str:
        """A new run, which is running. Returns its id.

        A request whose answer was lost may have made a run, and was sent again: such a run goes to the trash. It is
        told by the mark of this call (`MARK`): what another export has just made looks the same otherwise.

        Args:
            experiment: id.
            name: as people see it.
            started: milliseconds since 1970.
            tags: its first ones; a search finds it by them at once.
        """
        mark = secrets.token_hex(8)
        made, again = self._sent(
            "POST", "runs/create",
            {
                "experiment_id": experiment, "run_name": name, "start_time": started,
                "tags": _pairs({**tags, MARK: mark}),
            },
        )  # fmt: skip
        run = str((made or {})["run"]["info"]["run_id"])
        if again:
            for each in list(self.runs(experiment, MARK, mark)):
                if each["run_id"] != run:
                    self.delete(each["run_id"])
        return run

    def log(
        self, run: str, metrics: Sequence[Mapping[str, Any]] = (), params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Metrics, parameters and tags of a run, in as many requests as they need.

        A request that MLflow can't read whole is answered 200, and what stands behind the place is lost: a step that is
        a fraction, or beyond 64 bits, is such a place (MLflow 3.17.2, docs/mlflow.md).

        Args:
            run: id.
            metrics: each with ``key``, ``value``, ``timestamp`` (milliseconds) and ``step`` (whole).
            params: they never change once they are there.
            tags: they may.
        """
        left: dict[str, list[Any]] = {
            "params": _pairs(params or {}), "tags": _pairs(tags or {}), "metrics": list(metrics),
        }  # fmt: skip
        most = {"params": PARAMS, "tags": TAGS, "metrics": METRICS}
        while any(left.values()):
            room, size = _TOGETHER, 0
            batch: dict[str, list[Any]] = {}
            for kind, each in left.items():
                taken = 0
                while taken < min(len(each), most[kind], room):
                    more = len(json.dumps(each[taken], ensure_ascii=False).encode()) + 2
                    if size and size + more > _BYTES:
                        break
                    taken, size = taken + 1, size + more
                if taken:
                    batch[kind], left[kind], room = each[:taken], each[taken:], room - taken
            self.ask("POST", "runs/log-batch", run_id=run, **batch)

    def end(self, run: str, status: str, ended: int | None) -> None:
        """Say how a run stands: ``FINISHED``, ``FAILED``, ``KILLED`` or ``RUNNING``; ended: milliseconds since 1970."""
        self.ask("POST", "runs/update", run_id=run, status=status, **({} if ended is None else {"end_time": ended}))

    def delete(self, run: str) -> None:
        """Move a run to MLflow's trash."""
        self.ask("POST", "runs/delete", run_id=run)

    # --- registered models ----------------------------------------------------------------------

    def make_registered_model(self, name: str, description: str) -> None:
        """Make a registered model, unless there is one of that name."""
        self._asked("POST", "registered-models/create", {"name": name, "description": description}, missing=True)

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases of a registered model: alias → number of the version that has it."""
        found = self.ask("GET", "registered-models/get", name=name)["registered_model"]
        return {str(each["alias"]): int(each["version"]) for each in found.get("aliases", ())}

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Give a version an alias; whichever had it has it no more."""
        self.ask("POST", "registered-models/alias", name=name, alias=alias, version=str(version))

    def delete_alias(self, name: str, alias: str) -> None:
        """Take an alias away; one that isn't there is none."""
        self.ask("DELETE", "registered-models/alias", name=name, alias=alias)

    def versions(self, name: str) -> Iterator[tuple[int, dict[str, str]]]:
        """The versions of a registered model: number and tags of each."""
        quoted = name.replace("'", "''")
        page = ""
        while True:
            found = self.ask(
                "GET", "model-versions/search", filter=f"name='{quoted}'", max_results=200,
                **({"page_token": page} if page else {}),
            )  # fmt: skip
            for each in found.get("model_versions", ()):
                yield int(each["version"]), {one["key"]: one.get("value", "") for one in each.get("tags", ())}
            page = found.get("next_page_token", "")
            if not page:
                return

    def create_version(self, name: str, source: str, tags: Mapping[str, str]) -> int:
        """A new version of a registered model. Returns its number.

        What a request made whose answer was lost, and that was sent again, is deleted; told by its mark, as a run's.

        Args:
            name: of the registered model.
            source: address of its files; a remote one.
            tags: its first ones, so that it is never there without them.
        """
        mark = secrets.token_hex(8)
        made, again = self._sent(
            "POST", "model-versions/create",
            {"name": name, "source": source, "tags": _pairs({**tags, MARK: mark})},
        )  # fmt: skip
        number = int((made or {})["model_version"]["version"])
        if again:
            for other, theirs in list(self.versions(name)):
                if other != number and theirs.get(MARK) == mark:
                    self.delete_version(name, other)
        return number

    def tag_version(self, name: str, version: int, key: str, value: str) -> None:
        """Tag a version, over what the tag said."""
        self.ask("POST", "model-versions/set-tag", name=name, version=str(version), key=key, value=value)

    def untag_version(self, name: str, version: int, key: str) -> None:
        """Take a tag away."""
        self.ask("DELETE", "model-versions/delete-tag", name=name, version=str(version), key=key)

    def delete_version(self, name: str, version: int) -> None:
        """Delete a version, and the aliases that it has; its number is never given again."""
        body = {"name": name, "version": str(version)}
        self._asked("DELETE", "model-versions/delete", body, missing=True)

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One request, tried again where a refusal may pass.

        Raises:
            MlflowError: the server can't be reached, or refuses.
        """
        found = self._asked(method, path, body)
        assert found is not None
        return found

    def _asked(self, method: str, path: str, body: Mapping[str, Any], missing: bool = False) -> dict[str, Any] | None:
        """As `ask`; with ``missing``, None where there is no such thing, or it is there already."""
        return self._sent(method, path, body, missing)[0]

    def _sent(
        self, method: str, path: str, body: Mapping[str, Any], missing: bool = False
    ) -> tuple[dict[str, Any] | None, bool]:
        """As `_asked`, and whether it was sent more than once: each time may have been carried out."""
        arguments: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        for place, wait in enumerate((*_WAITS, None)):
            try:
                answer = self._http.request(method, f"/api/2.0/mlflow/{path}", **arguments)
            except httpx.HTTPError as error:
                why = f"the MLflow server {self.url} can't be reached: {type(error).__name__}"
            else:
                if answer.is_success:
                    return self._object(answer), place > 0
                code, why = self._refusal(answer)
                if missing and code in ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"):
                    return None, place > 0
                if answer.status_code not in _PASSING:
                    break
            if wait is not None:
                self._sleep(wait)
        raise MlflowError(why)

    def _object(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise MlflowError(f"{self.url} does not answer as an MLflow server does: is that its address?")
        return found

    def _refusal(self, answer: httpx.Response) -> tuple[str, str]:
        try:
            body = answer.json()
            code, said = str(body["error_code"]), str(body.get("message", ""))
        except (ValueError, KeyError, TypeError):
            code, said = "", ""
        if answer.status_code == 403 and not code and "invalid host header" in answer.text[:200].lower():
            asked = answer.request.headers.get("host", "")
            return code, (
                f"the MLflow server {self.url} doesn't let itself be called {asked} (403): who runs it names that in "
                "`mlflow server --allowed-hosts` or MLFLOW_SERVER_ALLOWED_HOSTS; left out, it answers to localhost "
                "and private addresses in digits alone"
            )
        if answer.status_code in (401, 403):
            return code, f"the MLflow server {self.url} refuses who asks ({answer.status_code}): {said or 'no reason'}"
        if not code and answer.status_code not in _PASSING:
            return code, (
                f"{self.url} does not answer as an MLflow server does ({answer.status_code}): is that its address?"
            )
        return code, f"the MLflow server {self.url} refuses ({answer.status_code} {code}): {said[:500]}".rstrip(" :")


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]
