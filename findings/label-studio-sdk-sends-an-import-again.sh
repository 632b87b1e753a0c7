#!/usr/bin/env bash
# label-studio-sdk 2.1.2 (Python 3.11), against Label Studio 1.23.
#
# Expected: what makes something new is sent once; a client asks again only where asking changes nothing.
# Seen: every request is sent up to three times after any answer of 5xx, 408, 409 or 429, imports of tasks too, which have
# no key of the caller's: a gateway that gives up on an import (502, 504) while the server goes on makes each task two or
# three times, and the call returns as if nothing had been. Careful callers say max_retries=0 for such calls.
#     answered 502 once: the same tasks were sent 2 times, and the call says 1
#     with max_retries=0: 1 time
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet label-studio-sdk==2.1.2
cat > "$place/run.py" <<'PY'
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

SAID = {
    "task_count": 1, "annotation_count": 0, "prediction_count": 0, "duration": 0.1, "file_upload_ids": [],
    "could_be_tasks_list": False, "found_formats": [], "data_columns": [],
}
seen = []


class Gateway(BaseHTTPRequestHandler):
    """Brings each import to its server, and is too impatient for the answer of the first."""

    def do_POST(self):
        seen.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        body = json.dumps(SAID).encode()
        self.send_response(502 if len(seen) == 1 else 201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = LabelStudio(base_url=f"http://127.0.0.1:{server.server_address[1]}", api_key="0" * 40)
tasks = [{"data": {"text": "a"}}]
count = client.projects.import_tasks(1, request=tasks).task_count
print(f"answered 502 once: the same tasks were sent {len(seen)} times, and the call says {count}")
assert seen == [tasks, tasks] and count == 1
seen.clear()
try:
    client.projects.import_tasks(1, request=tasks, request_options={"max_retries": 0})
    raise SystemExit("no error")
except ApiError as error:
    print(f"with max_retries=0: {len(seen)} time, and an error ({error.status_code})")
assert len(seen) == 1
PY
"$place/venv/bin/python" "$place/run.py"
