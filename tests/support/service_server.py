"""An embedding service on this machine that follows the documented protocols, and misbehaves on demand.

It speaks OpenAI's `/v1/embeddings` (Azure's paths too) and Google's `models/M:batchEmbedContents`,
`models/M:embedContent` and Vertex AI's `models/M:predict`. It knows what it answered as it should, which is
what a client would pay for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import random
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DIMENSION = 8


def vectors_of(texts: Sequence[str], dimension: int = DIMENSION) -> np.ndarray:
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    rows = [np.frombuffer(digest, np.uint8)[:dimension] for digest in digests]
    return (np.array(rows, dtype=np.float32).reshape(len(texts), dimension) - 128) / 7


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: a status, a delay, or something wrong with a good answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0
    kind: str = ""


def status(code: int, body: Any = None, **headers: str) -> Fault:
    body = {"error": {"message": f"made to fail by {code}", "code": None}} if body is None else body
    return Fault(code, {name.replace("_", "-"): text for name, text in headers.items()}, body)


TRUNCATED = Fault(kind="truncated")
DROPPED = Fault(kind="dropped")
TOO_FEW = Fault(kind="too few")
TOO_MANY = Fault(kind="too many")
WRONG_DIMENSION = Fault(kind="wrong dimension")
NOT_A_NUMBER = Fault(kind="nan")
NO_NUMBERS = Fault(kind="no numbers")


@dataclass
class Asked:
    """One request, as it came."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    texts: list[str]
    time: float


class ServiceServer:
    """Runs in a thread while it is a context.

    Attributes
    ----------
    fault
        From a request to what shall go wrong with it, or None.
    delay
        Seconds that every answer takes.
    asked
        Every request that came.
    answered
        How often each text was answered as it should.
    most_at_once
        How many requests were under way at once, at most.
    """

    def __init__(self, fault: Callable[[Asked], Fault | None] | None = None, delay: float = 0.0) -> None:
        self.fault = fault or (lambda _: None)
        self.delay = delay
        self.shuffled = False
        self.dimension = DIMENSION
        self.asked: list[Asked] = []
        self.answered: Counter[str] = Counter()
        self.most_at_once = self._at_once = 0
        self.lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.service = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> ServiceServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def one_after_another(self, *faults: Fault | None) -> None:
        """Let these go wrong with the first requests, in this order, and nothing after them."""
        self.fault = lambda asked: faults[asked.number] if asked.number < len(faults) else None

    @contextlib.contextmanager
    def under_way(self, asked: Callable[[int], Asked]):
        with self.lock:
            self.asked.append(asked(len(self.asked)))
            found = self.asked[-1]
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield found
        finally:
            with self.lock:
                self._at_once -= 1


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    service: ServiceServer

    def handle_error(self, *_: object) -> None:
        """A client that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_POST(self) -> None:
        service = self.server.service
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): text for name, text in self.headers.items()}
        texts = texts_of(self.path, body)
        with service.under_way(
            lambda n: Asked(n, self.path, headers, body, texts, time.monotonic())
        ) as asked:
            fault = service.fault(asked) or Fault()
            time.sleep(service.delay + fault.delay)
        if fault.status != 200:
            self._send(fault.status, fault.headers, json.dumps(fault.body).encode())
            return
        answer = json.dumps(answer_to(asked, fault, service)).encode()
        if fault.kind == "truncated":
            self._send(200, {}, answer[: len(answer) // 2])
        elif fault.kind == "dropped":
            self._send(200, {"Content-Length": str(len(answer))}, answer[: len(answer) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            if fault == Fault():
                with service.lock:
                    service.answered.update(asked.texts)
            self._send(200, {}, answer)

    def _send(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(code)
        for name, text in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


def texts_of(path: str, body: dict[str, Any]) -> list[str]:
    if "embeddings" in path:
        return [body["input"]] if isinstance(body["input"], str) else body["input"]
    if "instances" in body:
        return [instance["content"] for instance in body["instances"]]
    contents = [body["content"]] if "content" in body else [each["content"] for each in body["requests"]]
    return ["".join(part["text"] for part in content["parts"]) for content in contents]


def answer_to(asked: Asked, fault: Fault, service: ServiceServer) -> dict[str, Any]:
    parts = asked.body.get("requests", [asked.body])
    asks = parts[0] | parts[0].get("embedContentConfig", {}) | parts[0].get("parameters", {})  # of Vertex
    dimension = asks.get("dimensions") or asks.get("outputDimensionality") or service.dimension
    rows = vectors_of(asked.texts, dimension + (fault.kind == "wrong dimension")).tolist()
    if fault.kind == "too few":
        rows = rows[:-1]
    if fault.kind == "too many":
        rows = [*rows, rows[0]]
    if fault.kind == "nan":
        rows[-1][0] = float("nan")
    if fault.kind == "no numbers":
        rows[-1] = ["nothing"]
    tokens = sum(len(text.split()) for text in asked.texts)
    if "embeddings" not in asked.path:
        usage = {"promptTokenCount": tokens}
        if asked.path.endswith(":embedContent"):
            return {"embedding": {"values": rows[0]} if rows else None, "usageMetadata": usage}
        if asked.path.endswith(":predict"):
            return {"predictions": [{"embeddings": {"values": row, "statistics": {}}} for row in rows]}
        return {"embeddings": [{"values": row} for row in rows], "usageMetadata": usage}
    if asked.body.get("encoding_format") == "base64" and fault.kind != "no numbers":
        rows = [base64.b64encode(np.array(row, "<f4").tobytes()).decode() for row in rows]
    data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
    if service.shuffled:
        random.Random(asked.number).shuffle(data)
    return {
        "object": "list",
        "data": data,
        "model": asked.body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
