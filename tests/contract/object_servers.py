"""Object servers on loopback for the tests of stores: one of our own, and moto's.

Both note every request, can be told what the next ones shall meet (`Script`), and do one request at a
time, as the real ones do for one key.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Literal, NoReturn, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "experiments"
ENDPOINT_HOST = "oss-cn-test.invalid"
"""The end point of our server's OSS dialect, reached by naming the server as HTTP proxy."""


@dataclass(frozen=True)
class Answer:
    """An error that a server gives instead of doing what it was asked."""

    status: int
    code: str
    message: str = "on purpose"


_SWIFT_WINDOW = 0.02
"""Seconds between the look and the write of a server that is not atomic; two proxies and a ring lie between Swift's."""

BUSY = Answer(503, "SlowDown", "Please reduce your request rate.")
DROP: Literal["drop"] = "drop"
"""Close the connection before doing anything."""
LOSE: Literal["lose"] = "lose"
"""Do it, then close the connection without an answer."""
CUT: Literal["cut"] = "cut"
"""Do it, and close the connection in the middle of the answer."""
Step = Answer | Literal["drop", "lose", "cut"]


@dataclass
class Script:
    """What a server was asked, and what the next requests of an operation shall meet."""

    requests: Counter[str] = field(default_factory=Counter)
    _steps: dict[str, deque[Step]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, operation: str, *steps: Step) -> None:
        with self._lock:
            self._steps[operation].extend(steps)

    def reset(self) -> None:
        with self._lock:
            self.requests.clear()
            self._steps.clear()

    def meet(self, method: str, query: Mapping[str, list[str]]) -> Step | None:
        operation = _operation(method, query)
        with self._lock:
            self.requests[operation] += 1
            return self._steps[operation].popleft() if self._steps[operation] else None


def _operation(method: str, query: Mapping[str, list[str]]) -> str:
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "MultipartUpload"
    if method == "PUT":
        return "UploadPart" if "partNumber" in query else "PutObject"
    if method == "GET" and "versioning" in query:
        return "GetBucketVersioning"
    if method == "GET" and "uploads" in query:
        return "ListMultipartUploads"
    if method == "GET" and "uploadId" in query:
        return "ListParts"
    if method == "GET":
        return "ListObjectsV2" if "list-type" in query else "GetObject"
    return {"DELETE": "DeleteObject", "HEAD": "HeadObject"}[method]


WRITTEN = "2026-11-21T04:00:00.000Z"
"""When everything was written, as listings have it."""


class BucketServer(ThreadingHTTPServer):
    """One bucket in memory that speaks S3, or S3 as Alibaba OSS does.

    The OSS dialect, from its documentation: virtual-hosted addresses only, 501 for If-None-Match on a PUT,
    ``x-oss-forbid-overwrite``, 400 for chunked uploads and for a DeleteObjects without Content-MD5.

    Attributes:
        page_sizes: how many keys each answer to a ListObjectsV2 held.
        create_only: whether it keeps to headers that forbid an overwrite. OSS does not in versioned buckets, and
            some servers that speak S3 never do.
        atomic: whether it decides and writes in one step. OpenStack Swift's S3 interface looks first and writes then.
        versioning: the bucket's state as GetBucketVersioning tells it: empty, ``Enabled`` or ``Suspended``.
        lacks: operations that it answers with 501, as localbucket does DeleteObjects and Ceph some CopyObjects.
        access_keys: ids that are let in; every one where there is none.
        signers: the ids that requests were signed with; an empty one where they were not.
    """

    daemon_threads = True

    def __init__(self, dialect: Literal["s3", "oss"], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.dialect = dialect
        self.script = Script()
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.upload_keys: dict[str, str] = {}
        self.page_sizes: list[int] = []
        self.create_only = True
        self.atomic = True
        self.versioning = ""
        self.lacks: frozenset[str] = frozenset()
        self.access_keys: frozenset[str] = frozenset()
        self.signers: set[str] = set()
        self.lock = threading.Lock()
        self.upload_ids = count(1)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def endpoint(self) -> str:
        return f"http://{ENDPOINT_HOST}" if self.dialect == "oss" else self.address

    @property
    def environment(self) -> dict[str, str]:
        """What a client's process needs to reach the end point."""
        return {"http_proxy": self.address} if self.dialect == "oss" else {}

    def reset(self) -> None:
        self.reset_counts()
        self.objects.clear()
        self.parts.clear()
        self.create_only = True
        self.atomic = True
        self.versioning = ""
        self.lacks = self.access_keys = frozenset()
        self.signers.clear()

    def reset_counts(self) -> None:
        self.script.reset()
        self.page_sizes.clear()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: BucketServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        step = self.server.script.meet(self.command, query)
        if step == DROP:
            self.close_connection = True
            return
        if isinstance(step, Answer):
            self._refuse(step)
            return
        host = parts.hostname or self.headers["Host"].partition(":")[0]
        path = unquote(parts.path).removeprefix("/")
        if self.server.dialect == "oss":
            refusal = self._oss_refusal(host)
            key = path
        else:
            refusal = None
            key = path.removeprefix(BUCKET).removeprefix("/")
        refusal = refusal or self._access_refusal() or self._lacking(query)
        if refusal:
            self._refuse(refusal)
            return
        if not self.server.atomic and self.command == "PUT" and self._create_only():
            if key in self.server.objects:
                self._refuse(self._exists())
                return
            time.sleep(_SWIFT_WINDOW)
        with self.server.lock:
            status, answer, headers = self._do(key, query, body)
        if step == LOSE:
            self.close_connection = True
            return
        if isinstance(answer, Answer):
            self._refuse(answer)
        else:
            self._answer(status, answer, headers, cut=step == CUT)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _oss_refusal(self, host: str) -> Answer | None:
        if host != f"{BUCKET}.{ENDPOINT_HOST}":
            return Answer(403, "SecondLevelDomainForbidden", "Please use virtual hosted style to access.")
        if self.command == "PUT" and self.headers.get("If-None-Match"):
            return Answer(501, "NotImplemented", "A header you provided implies functionality that is not implemented.")
        if self.command == "PUT" and self.headers.get("x-amz-sdk-checksum-algorithm"):
            # Over TLS, as at the real OSS, botocore sends such a checksum as trailer of a chunked upload.
            return Answer(400, "InvalidArgument", "aws-chunked encoding is not supported.")
        if self.command == "POST" and "delete" in self.path and not self.headers.get("Content-MD5"):
            return Answer(400, "MissingArgument", "Missing Some Required Arguments: Content-MD5.")
        if self.headers.get("x-oss-forbid-overwrite") and "x-oss-forbid-overwrite" not in self.headers["Authorization"]:
            return Answer(403, "SignatureDoesNotMatch", "That header is not signed.")
        return None

    def _access_refusal(self) -> Answer | None:
        allowed = self.server.access_keys
        signed = self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
        self.server.signers.add(signed)
        if not allowed or signed in allowed:
            return None
        return Answer(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")

    def _lacking(self, query: Mapping[str, list[str]]) -> Answer | None:
        operation = _operation(self.command, query)
        if "x-amz-copy-source" in self.headers:
            operation = "UploadPartCopy" if operation == "UploadPart" else "CopyObject"
        return Answer(501, "NotImplemented", "") if operation in self.server.lacks else None

    def _do(self, key: str, query: Mapping[str, list[str]], body: bytes) -> tuple[int, bytes | Answer, dict[str, str]]:
        objects = self.server.objects
        match _operation(self.command, query):
            case "PutObject" | "UploadPart" if "x-amz-copy-source" in self.headers:
                return self._copied(key, query)
            case "PutObject":
                if key in objects and self._create_only() and self.server.atomic:
                    return 0, self._exists(), {}
                objects[key] = body
            case "GetObject" | "HeadObject":
                if key not in objects:
                    return 0, Answer(404, "NoSuchKey", "The specified key does not exist."), {}
                return self._content(objects[key])
            case "GetBucketVersioning":
                status = f"<Status>{self.server.versioning}</Status>" if self.server.versioning else ""
                return 200, f"<VersioningConfiguration>{status}</VersioningConfiguration>".encode(), {}
            case "ListMultipartUploads":
                return 200, self._uploads(query.get("prefix", [""])[0]), {}
            case "ListParts":
                return self._parts(query["uploadId"][0])
            case "ListObjectsV2":
                return 200, self._listing({name: values[0] for name, values in query.items()}), {}
            case "DeleteObject" if "uploadId" in query:
                self.server.parts.pop(query["uploadId"][0], None)
                return 204, b"", {}
            case "DeleteObject":
                objects.pop(key, None)
                return 204, b"", {}
            case "DeleteObjects":
                for element in ElementTree.fromstring(body).iter():
                    if element.tag.rpartition("}")[2] == "Key":
                        objects.pop(element.text or "", None)
                return 200, b"<DeleteResult/>", {}
            case "UploadPart":
                self.server.parts[query["uploadId"][0]][int(query["partNumber"][0])] = body
            case _:
                return 200, self._multipart(key, query), {}
        return 200, b"", {"ETag": f'"{md5(body).hexdigest()}"'}

    def _copied(self, key: str, query: Mapping[str, list[str]]) -> tuple[int, bytes | Answer, dict[str, str]]:
        source = unquote(self.headers["x-amz-copy-source"]).removeprefix("/").removeprefix(BUCKET + "/")
        if source not in self.server.objects:
            return 0, Answer(404, "NoSuchKey", "The specified key does not exist."), {}
        data = self.server.objects[source]
        if "uploadId" in query:
            first, _, last = self.headers["x-amz-copy-source-range"].removeprefix("bytes=").partition("-")
            data = data[int(first) : int(last) + 1]
            self.server.parts[query["uploadId"][0]][int(query["partNumber"][0])] = data
            kind = "CopyPartResult"
        else:
            self.server.objects[key] = data
            kind = "CopyObjectResult"
        return 200, f"<{kind}><ETag>&quot;{md5(data).hexdigest()}&quot;</ETag></{kind}>".encode(), {}

    def _create_only(self) -> bool:
        if not self.server.create_only:
            return False
        if self.server.dialect == "s3":
            return self.headers.get("If-None-Match") == "*"
        return self.headers.get("x-oss-forbid-overwrite") == "true"

    def _exists(self) -> Answer:
        if self.server.dialect == "s3":
            return Answer(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        return Answer(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")

    def _content(self, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        if "Range" not in self.headers:
            return 200, data, {}
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        end = min(int(last or len(data) - 1), len(data) - 1)
        return 206, data[int(first) : end + 1], {"Content-Range": f"bytes {first}-{end}/{len(data)}"}

    def _listing(self, query: Mapping[str, str]) -> bytes:
        after = unquote(query.get("continuation-token", "")) or query.get("start-after", "")
        found = sorted(key for key in self.server.objects if key.startswith(query.get("prefix", "")) and key > after)
        page = found[: min(int(query.get("max-keys", 1000)), 1000)]
        self.server.page_sizes.append(len(page))
        entries = "".join(
            f"<Contents><Key>{quote(key)}</Key><Size>{len(self.server.objects.get(key, b''))}</Size>"
            f"<ETag>&quot;{md5(self.server.objects.get(key, b'')).hexdigest()}&quot;</ETag>"
            f"<LastModified>{WRITTEN}</LastModified></Contents>"
            for key in page
        )
        more = len(found) > len(page)
        token = f"<NextContinuationToken>{escape(quote(page[-1]))}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{entries}</ListBucketResult>"
        ).encode()

    def _uploads(self, prefix: str) -> bytes:
        found = "".join(
            f"<Upload><Key>{quote(key)}</Key><UploadId>{upload}</UploadId><Initiated>{WRITTEN}</Initiated></Upload>"
            for upload, key in sorted(self.server.upload_keys.items())
            if key.startswith(prefix) and upload in self.server.parts
        )
        return (
            "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
            f"{found}</ListMultipartUploadsResult>"
        ).encode()

    def _parts(self, upload: str) -> tuple[int, bytes | Answer, dict[str, str]]:
        if upload not in self.server.parts:
            return 0, Answer(404, "NoSuchUpload", "The specified multipart upload does not exist."), {}
        found = "".join(
            f"<Part><PartNumber>{number}</PartNumber><Size>{len(data)}</Size>"
            f"<LastModified>{WRITTEN}</LastModified></Part>"
            for number, data in sorted(self.server.parts[upload].items())
        )
        return 200, f"<ListPartsResult><IsTruncated>false</IsTruncated>{found}</ListPartsResult>".encode(), {}

    def _multipart(self, key: str, query: Mapping[str, list[str]]) -> bytes:
        if "uploads" in query:
            upload = f"upload-{next(self.server.upload_ids)}"
            self.server.parts[upload] = {}
            self.server.upload_keys[upload] = key
            return (
                f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>".encode()
            )
        parts = self.server.parts.pop(query["uploadId"][0])
        self.server.objects[key] = b"".join(parts[number] for number in sorted(parts))
        return b"<CompleteMultipartUploadResult/>"

    def _refuse(self, answer: Answer) -> None:
        text = f"<Error><Code>{answer.code}</Code><Message>{escape(answer.message)}</Message></Error>"
        if answer.status == 200:  # The way in which DeleteObjects tells what it could not do.
            text = f"<DeleteResult>{text}</DeleteResult>"
        self._answer(answer.status, text.encode(), {})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(body)


class MotoServer:
    """moto's S3 over HTTP, with a script, and one request at a time: its create-only check is not atomic."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        self.script = Script()
        self.environment: dict[str, str] = {}
        self._lock = threading.Lock()
        self._application: Callable[..., Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)

        class Quiet(MotoRequestHandler):
            def log(self, type: str, message: str, *args: Any) -> None:
                pass

        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=Quiet)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        step = self.script.meet(environ["REQUEST_METHOD"], query)
        if isinstance(step, Answer):
            text = f"<Error><Code>{step.code}</Code><Message>{escape(step.message)}</Message></Error>".encode()
            start_response(f"{step.status} on purpose", [("Content-Length", str(len(text)))])
            return [text]
        if step == DROP:
            self._hang_up(environ)
        with self._lock:
            answer = list(self._application(environ, start_response))
        if step == LOSE:
            self._hang_up(environ)
        return answer

    def _hang_up(self, environ: dict[str, Any]) -> NoReturn:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("on purpose")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
