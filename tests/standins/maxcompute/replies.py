"""What the service answers about instances, tables and models: XML and JSON as pyodps reads them."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
import zlib
from collections.abc import Iterable
from datetime import datetime
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests.standins.maxcompute.catalog import PartitionValues, Table
from tests.standins.maxcompute.engine import Engine, Rows
from tests.standins.maxcompute.errors import cdata
from tests.standins.maxcompute.jobs import Instance, Task

MAX_ROWS = 10_000
"""Rows of a result that come without the tunnel."""

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def http_date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


# --- instances


def instance_headers(instance: Instance) -> dict[str, str]:
    return {
        "x-odps-owner": f"ALIYUN${instance.owner}",
        "x-odps-start-time": http_date(instance.created),
        "x-odps-end-time": http_date(instance.ended) if instance.ended else "",
    }


def instance_xml(instance: Instance) -> str:
    return f"{_HEAD}<Instance><Status>{instance.status}</Status></Instance>"


def task_statuses_xml(instance: Instance) -> str:
    tasks = "".join(
        f'<Task Type="{task.type}"><Name>{escape(task.name)}</Name><StartTime>{_time(instance.started)}</StartTime>'
        f"<EndTime>{_time(instance.ended)}</EndTime><Status>{task.state}</Status><Histories/></Task>"
        for task in instance.job.tasks
    )
    return f"{_HEAD}<Instance><Status>{instance.status}</Status><Tasks>{tasks}</Tasks></Instance>"


def _time(seconds: float | None) -> str:
    return http_date(seconds) if seconds else ""


def instances_xml(instances: Iterable[Instance], marker: str, size: int) -> str:
    items = "".join(
        f"<Instance><Name>{item.id}</Name><Owner>ALIYUN${escape(item.owner)}</Owner>"
        f"<StartTime>{http_date(item.created)}</StartTime><EndTime>{_time(item.ended)}</EndTime>"
        f"<Status>{item.status}</Status></Instance>"
        for item in instances
    )
    return f"{_HEAD}<Instances><Marker>{marker}</Marker><MaxItems>{size}</MaxItems>{items}</Instances>"


def results_xml(instance: Instance) -> str:
    return f"{_HEAD}<Instance>{_tasks_xml(instance)}</Instance>"


def _tasks_xml(instance: Instance) -> str:
    return f"<Tasks>{''.join(_result_xml(task) for task in instance.job.tasks)}</Tasks>"


def _result_xml(task: Task) -> str:
    descriptor, kind, text = "", "text", task.result
    if isinstance(text, Rows):
        whole = len(text.rows) <= MAX_ROWS
        schema = {"Columns": [{"Name": column.name, "Type": column.type} for column in text.columns]}
        meta = {"IsSelect": True, "SelectResultStatus": "Complete" if whole else "Truncated", "Schema": schema}
        descriptor = f"<ResultDescriptor><![CDATA[{cdata(json.dumps(meta))}]]></ResultDescriptor>"
        kind, text = "csv", to_csv(Rows(text.columns, text.rows[:MAX_ROWS]))
    encoded = base64.b64encode(text.encode()).decode()
    return (
        f'<Task Type="{task.type}"><Name>{escape(task.name)}</Name>'
        f'<Result Transform="Base64" Format="{kind}"><![CDATA[{encoded}]]></Result>{descriptor}'
        f"<Status>{task.state}</Status></Task>"
    )


def to_csv(result: Rows) -> str:
    r"""A result as text: the names first, every value quoted, null as ``\N``."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([column.name for column in result.columns])
    for row in result.rows:
        writer.writerow([_csv_text(value) for value in row])
    return out.getvalue()


def _csv_text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_csv_item, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_csv_item(k)}:{_csv_item(v)}" for k, v in value.items()) + "}"
    return str(value)


def _csv_item(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _csv_text(value)


def progress_xml(instance: Instance) -> str:
    percent = instance.percent
    stages = []
    for name, share in (("M1_job_0", min(100, 2 * percent)), ("R2_1_job_0", max(0, 2 * percent - 100))):
        running, ended = int(instance.state == "Running" and share < 100), int(share == 100)
        counts = {
            "BackupWorkers": 0,
            "TerminatedWorkers": ended,
            "RunningWorkers": running,
            "TotalWorkers": 1,
            "InputRecords": 0,
            "OutputRecords": _rows_of(instance) if ended else 0,
            "FinishedPercentage": share,
        }
        stages.append(f'<Stage ID="{name}">' + "".join(f"<{k}>{v}</{k}>" for k, v in counts.items()) + "</Stage>")
    return f"{_HEAD}<Progress>{''.join(stages)}</Progress>"


def _rows_of(instance: Instance) -> int:
    return sum(len(task.result.rows) for task in instance.job.tasks if isinstance(task.result, Rows))


def summary_json(instance: Instance, task: Task) -> str:
    """The summary of a task, with its cost: CPU in hundredths of a core's second, memory in MB times seconds."""
    if not instance.done:
        return "{}"
    seconds = max(instance.seconds, 0.01)
    cost = {"CPU": max(1, round(100 * seconds)), "Memory": max(1, round(1024 * seconds)), "Input": task.input_bytes}
    summary = {"Cost": cost, "RunTime": round(seconds, 3), "Stages": [{"Name": "M1_job_0"}, {"Name": "R2_1_job_0"}]}
    text = (
        f"resource cost: cpu {cost['CPU'] / 6000:.2f} Core * Min, memory {cost['Memory'] / 61440:.2f} GB * Min\n"
        f"inputs: {cost['Input']} bytes\nJob run time: {seconds:.3f}\n"
    )
    return json.dumps({"Instance": {"JsonSummary": json.dumps(summary), "Summary": text}})


def detail_json(instance: Instance) -> str:
    stages = [{"name": "M1_job_0", "status": instance.state}, {"name": "R2_1_job_0", "status": instance.state}]
    return json.dumps({"Instance": {"Name": instance.id, "Status": instance.status, "Stages": stages}})


def queueing_json(instance: Instance) -> str:
    task = instance.job.tasks[0]
    started = datetime.fromtimestamp(instance.created).astimezone()
    return json.dumps(
        {
            "instanceId": instance.id,
            "instancePriority": instance.job.priority,
            "instanceProcess": instance.percent,
            "jobName": instance.job.name or task.name,
            "projectName": instance.project,
            "startTime": f"{started:%Y-%m-%d %H:%M:%S %z}",
            "status": instance.status,
            "taskName": task.name,
            "taskType": task.type,
            "userAccount": f"ALIYUN${instance.owner}",
        }
    )


def xflow_results_xml(instance: Instance) -> str:
    """What a PAI command has started."""
    actions = "".join(
        f'<Action NodeType="Instance"><InstanceId>{child.id}</InstanceId><Name>{escape(child.job.tasks[0].name)}</Name>'
        f"<Result>{_tasks_xml(child)}</Result></Action>"
        for child in instance.children
    )
    return f"{_HEAD}<XFlowResult><Actions>{actions}</Actions></XFlowResult>"


# --- tables


def table_xml(engine: Engine, table: Table) -> str:
    size = engine.size(table.project, table.name)
    schema = {
        **table.schema_json(),
        "comment": table.comment,
        "owner": f"ALIYUN${table.owner}",
        "createTime": int(table.created),
        "lastModifiedTime": int(table.modified),
        "lastDDLTime": int(table.ddl_modified),
        "isVirtualView": table.view_text is not None,
        "lifecycle": table.lifecycle,
        "size": size,
        "PhysicalSize": size,
        "recordNum": engine.count(table),
        "FileNum": 1,
        "Reserved": "{}",
        "tableName": table.name,
        "tableLabel": "0",
        "tableProperties": json.dumps(table.properties),
    }
    if table.view_text is not None:
        schema["viewText"] = table.view_text
    kind = "VIRTUAL_VIEW" if table.view_text is not None else "MANAGED_TABLE"
    return (
        f"{_HEAD}<Table><Name>{escape(table.name)}</Name><TableId>{zlib.crc32(table.sql_name.encode()):08x}</TableId>"
        f'<Schema format="Json"><![CDATA[{cdata(json.dumps(schema))}]]></Schema>'
        f"<Owner>ALIYUN${escape(table.owner)}</Owner><CreationTime>{http_date(table.created)}</CreationTime>"
        f"<LastModifiedTime>{http_date(table.modified)}</LastModifiedTime><Type>{kind}</Type></Table>"
    )


def tables_xml(tables: Iterable[Table]) -> str:
    items = "".join(
        f"<Table><Name>{escape(table.name)}</Name><Owner>ALIYUN${escape(table.owner)}</Owner>"
        f"<Type>{'VIRTUAL_VIEW' if table.view_text is not None else 'MANAGED_TABLE'}</Type></Table>"
        for table in tables
    )
    return f"{_HEAD}<Tables><Marker/><MaxItems>1000</MaxItems>{items}</Tables>"


def partition_xml(engine: Engine, table: Table, values: PartitionValues) -> str:
    made = int(table.specs[values])
    meta = {
        "createTime": made,
        "lastDDLTime": made,
        "lastModifiedTime": int(table.modified),
        "partitionRecordNum": engine.count(table, values),
        "LifeCycle": table.lifecycle,
    }
    return f'{_HEAD}<Partition><Schema format="Json"><![CDATA[{json.dumps(meta)}]]></Schema></Partition>'


def partitions_xml(table: Table) -> str:
    items = []
    for values in sorted(table.specs):
        columns = "".join(
            f"<Column Name={quoteattr(column.name)} Value={quoteattr(value)}/>"
            for column, value in zip(table.partitions, values, strict=True)
        )
        made = int(table.specs[values])
        items.append(
            f"<Partition>{columns}<CreationTime>{made}</CreationTime><LastDDLTime>{made}</LastDDLTime>"
            f"<LastModifiedTime>{int(table.modified)}</LastModifiedTime></Partition>"
        )
    return f"{_HEAD}<Partitions><Marker/><MaxItems>1000</MaxItems>{''.join(items)}</Partitions>"


def project_xml(name: str, owner: str) -> str:
    now = http_date(time.time())
    return (
        f"{_HEAD}<Project><Name>{escape(name)}</Name><Type>managed</Type><Comment/>"
        f"<Owner>ALIYUN${escape(owner)}</Owner><CreationTime>{now}</CreationTime>"
        f"<LastModifiedTime>{now}</LastModifiedTime><State>AVAILABLE</State><Properties/></Project>"
    )
