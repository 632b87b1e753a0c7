"""The tunnel's end point: rows of tables up and down, rows of results down."""

from __future__ import annotations

from tests.standins.maxcompute.call import Call, Reply, as_json
from tests.standins.maxcompute.engine import Rows
from tests.standins.maxcompute.errors import ServiceError
from tests.standins.maxcompute.wire import compress


def wanted(call: Call) -> bool:
    """Whether a request for a table or an instance is meant for the tunnel: both live under the same paths."""
    return bool({"uploads", "uploadid", "downloads", "downloadid"} & set(call.query))


def table_get(call: Call) -> Reply:
    tunnel = call.service.tunnel
    call.table()
    if "uploadid" in call.query:
        return as_json(tunnel.upload_state(call.query["uploadid"]))
    return _download(call)


def table_post(call: Call) -> Reply:
    tunnel, query = call.service.tunnel, call.query
    found = call.table()
    if "downloads" in query:
        return as_json(tunnel.begin_download(found, query))
    if "uploadid" in query:
        return as_json(tunnel.commit(query["uploadid"]))
    if "uploads" in query:
        return as_json(tunnel.begin_upload(found, query))
    raise ServiceError("InvalidParameter", "A table takes uploads, downloads or the commit of an upload.")


def table_put(call: Call) -> Reply:
    query = call.query
    if "uploadid" not in query or "blockid" not in query:
        raise ServiceError("InvalidParameter", "A block needs uploadid and blockid.")
    encoding = call.headers.get("content-encoding", "")
    call.service.tunnel.put_block(query["uploadid"], query["blockid"], call.body, encoding)
    return Reply()


def instance_post(call: Call) -> Reply:
    """A session over the result of a select.

    Raises:
        ServiceError: The instance is no select, or it isn't done.
    """
    found = call.instance()
    if found.state != "Success":
        raise ServiceError("InvalidStateSetting", f"Instance {found.id} has not succeeded, it is {found.state}.")
    result = found.job.tasks[0].result
    if not isinstance(result, Rows):
        raise ServiceError("InstanceTypeNotSupported", "Only the result of a select can be downloaded.")
    return as_json(call.service.tunnel.begin_result(result, "instance_tunnel_limit_enabled" in call.query))


def instance_get(call: Call) -> Reply:
    call.instance()
    return _download(call)


def _download(call: Call) -> Reply:
    tunnel, session = call.service.tunnel, call.query["downloadid"]
    if "data" not in call.query:
        return as_json(tunnel.download_state(session))
    # Without "deflate" of the client's own, requests asks for it all the same: only an exact wish is one.
    accepted = call.headers.get("accept-encoding", "")
    body, headers = compress(tunnel.data(session, call.query), accepted if accepted == "deflate" else "")
    return Reply(body, headers=headers, kind="application/octet-stream")
