"""A service with little capacity: passes requests on to DynamoDB Local, which never throttles, and
says what the real one says when it is asked for too much.

Of the writes of a batch some are left undone (UnprocessedItems), and of all requests some are
refused (ProvisionedThroughputExceededException, InternalServerError), by turns. This is the one
place in these tests where an answer is made up.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self

REFUSALS = {
    "throttled": (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
    "broken": (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
}


class NarrowService:
    """The service in front of another, at `endpoint`."""

    def __init__(self, behind: str, *, refuse_every: int = 0, undone_every: int = 0) -> None:
        self.behind = behind
        self.refuse_every = refuse_every
        self.undone_every = undone_every
        self.delay_s = 0.0
        self.always: str | None = None
        self.seen: Counter[str] = Counter()
        self.numbers = count(1)
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer = service.answer(headers, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        operation = headers["x-amz-target"].partition(".")[2]
        number = next(self.numbers)
        self.seen[operation] += 1
        time.sleep(self.delay_s)
        refusal = self.always
        if refusal is None and self.refuse_every and number % self.refuse_every == 0:
            refusal = ("throttled", "broken")[number // self.refuse_every % 2]
        if refusal is not None:
            self.seen[refusal] += 1
            status, kind = REFUSALS[refusal]
            return status, json.dumps({"__type": kind, "message": "not now"}).encode()
        undone: list[Any] = []
        request = json.loads(body)
        if operation == "BatchWriteItem" and self.undone_every and number % self.undone_every == 0:
            ((table, writes),) = request["RequestItems"].items()
            half = (len(writes) + 1) // 2
            request["RequestItems"][table], undone = writes[half:], writes[:half]
            self.seen["undone"] += len(undone)
            if not request["RequestItems"][table]:
                return 200, json.dumps({"UnprocessedItems": {table: undone}}).encode()
        status, answer = self.pass_on(headers, json.dumps(request).encode())
        if undone:
            answer = json.dumps(
                {**json.loads(answer), "UnprocessedItems": {table: undone}}
            ).encode()
        return status, answer

    def pass_on(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        kept = ("X-Amz-Target", "Authorization", "X-Amz-Date", "Content-Type")
        names = {name.lower(): name for name in kept}
        chosen = {names[n.lower()]: v for n, v in headers.items() if n.lower() in names}
        request = urllib.request.Request(self.behind, data=body, headers=chosen)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
