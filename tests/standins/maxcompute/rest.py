"""The end point: projects, instances, tables, offline models."""

from __future__ import annotations

import json
import time
from html import escape

from tests.standins.maxcompute import replies
from tests.standins.maxcompute.call import Call, Reply, as_json, as_text
from tests.standins.maxcompute.engine import Rows
from tests.standins.maxcompute.errors import ServiceError, no_such_partition
from tests.standins.maxcompute.jobs import Instance, Task
from tests.standins.maxcompute.pai import ALGORITHMS
from tests.standins.maxcompute.tunnel import parse_partition

# --- projects


def projects(call: Call) -> Reply:
    items = "".join(
        f"<Project><Name>{name}</Name></Project>"
        for name in sorted(call.service.projects)
        if call.account.projects is None or name in call.account.projects
    )
    return Reply(f"<Projects><Marker/><MaxItems>1000</MaxItems>{items}</Projects>")


def project(call: Call) -> Reply:
    now = replies.http_date(time.time())
    headers = {"x-odps-owner": f"ALIYUN${call.account.access_id}", "x-odps-creation-time": now, "Last-Modified": now}
    return Reply(replies.project_xml(call.project, call.account.access_id), headers=headers)


def sign_token(call: Call) -> Reply:
    return Reply(f"<Authorization><Result>{call.service.new_token()}</Result></Authorization>")


def tunnel_address(call: Call) -> Reply:
    return as_text(call.base.partition("://")[2])


def logs(call: Call) -> Reply:
    return Reply()


def resources(call: Call) -> Reply:
    return Reply("<Resources><Marker/><MaxItems>1000</MaxItems></Resources>")


# --- instances


def submit(call: Call) -> Reply:
    instance, _ = call.service.submit(call.project, call.account.access_id, call.body)
    path = f"{call.base}/api/projects/{call.project}/instances/{instance.id}"
    return Reply(status=201, headers={"Location": path})


def list_instances(call: Call) -> Reply:
    page, marker = call.service.instances(call.project, call.query, call.account.access_id)
    return Reply(replies.instances_xml(page, marker, len(page)))


def stop(call: Call) -> Reply:
    if b"Terminated" not in call.body:
        raise ServiceError("InvalidStateSetting", "An instance can only be set to Terminated.")
    call.service.stop(call.instance())
    return Reply()


def instance(call: Call) -> Reply:
    """One of the many views of an instance, by the action in the query."""
    found, query = call.instance(), call.query
    if "taskstatus" in query:
        return Reply(replies.task_statuses_xml(found))
    if "result" in query:
        return Reply(replies.results_xml(found))
    if "source" in query:
        return Reply(found.job.source)
    if "cached" in query:
        return as_json(replies.queueing_json(found))
    if "xresult" in query:
        return Reply(replies.xflow_results_xml(found))
    if "xsource" in query:
        return Reply(found.job.source)
    if "taskname" in query:
        return _task_view(found, _task(found, query["taskname"]), query)
    return Reply(replies.instance_xml(found), headers=replies.instance_headers(found))


def _task_view(found: Instance, task: Task, query: dict[str, str]) -> Reply:
    if "instancesummary" in query:
        reply = as_json(replies.summary_json(found, task))
        reply.headers["x-odps-task-finalized"] = str(found.done).lower()
        return reply
    if "instanceprogress" in query:
        return Reply(replies.progress_xml(found))
    if "instancedetail" in query or "detail" in query:
        return as_json(replies.detail_json(found))
    if "instancequota" in query:
        return as_json(json.dumps({"quota": "standin", "running": found.status == "Running"}))
    if query.get("key") == "warnings":
        return as_json('{"warnings": []}')
    return as_text("")


def _task(found: Instance, name: str) -> Task:
    for task in found.job.tasks:
        if task.name == name:
            return task
    raise ServiceError("NoSuchObject", f"ODPS-0420121: Task not found - '{name}' in instance {found.id}", 404)


# --- tables


def list_tables(call: Call) -> Reply:
    prefix = call.query.get("name", "").lower()
    wanted = call.query.get("type")
    tables = [
        table
        for table in call.service.engine.catalog.of(call.project)
        if table.name.startswith(prefix) and wanted in (None, "VIRTUAL_VIEW" if table.view_text else "MANAGED_TABLE")
    ]
    return Reply(replies.tables_xml(tables))


def table(call: Call) -> Reply:
    found, query, engine = call.table(), call.query, call.service.engine
    if "partitions" in query:
        return Reply(replies.partitions_xml(found))
    if "linenum" in query:
        values = parse_partition(found, query["partition"]) if query.get("partition") else None
        wanted = query.get("cols", "").lower().split(",") if query.get("cols") else None
        columns = [column for column in found.all_columns if wanted is None or column.name in wanted]
        rows = engine.read(found, values, columns, limit=int(query["linenum"]))
        return Reply(replies.to_csv(Rows(columns, rows)), kind="text/csv")
    if query.get("partition"):
        spec = parse_partition(found, query["partition"])
        if spec not in found.specs:
            raise no_such_partition(found.spec_text(spec))
        return Reply(replies.partition_xml(engine, found, spec))
    return Reply(replies.table_xml(engine, found))


# --- PAI


def list_xflows(call: Call) -> Reply:
    items = "".join(f"<odpsalgo><Name>{name}</Name></odpsalgo>" for name in ALGORITHMS)
    return Reply(f"<Xflows><Marker/><MaxItems>1000</MaxItems>{items}</Xflows>")


def list_models(call: Call) -> Reply:
    models = call.service.models.of(call.project, call.query.get("name", ""))
    items = "".join(model.to_xml(call.account.access_id) for model in models)
    return Reply(f"<OfflineModels><Marker/><MaxItems>1000</MaxItems>{items}</OfflineModels>")


def model(call: Call) -> Reply:
    found = call.service.models.get(call.project, call.names["model"])
    return Reply(found.to_pmml() if "data" in call.query else found.to_xml(call.account.access_id))


def delete_model(call: Call) -> Reply:
    call.service.models.delete(call.project, call.names["model"])
    return Reply(status=204)


# --- for people


def logview_page(found: Instance) -> str:
    """What a browser shows of an instance."""
    rows = "".join(
        f"<tr><td>{escape(task.name)}</td><td>{task.type}</td><td>{task.state}</td>"
        f"<td><pre>{escape(task.query or json.dumps(task.parameters))}</pre></td></tr>"
        for task in found.job.tasks
    )
    return (
        f"<!doctype html><title>{found.id}</title><h1>{found.id}</h1><p>{escape(found.project)}: {found.status}, "
        f"{found.percent} %</p><table><tr><th>Task<th>Type<th>Status<th>Source</tr>{rows}</table>"
    )
