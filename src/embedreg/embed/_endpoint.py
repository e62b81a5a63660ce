"""An HTTP endpoint that embeds texts with a model of ours, as OpenAI's `/v1/embeddings` does.

It is for programs on the same machine, and for tests of clients: it has no keys and no encryption.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import EmbedregError, OutputError
from embedreg.core.texts import check_texts
from embedreg.embed._embed_texts import embed_texts
from embedreg.embed.services._tokens import estimate_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder
    from embedreg.embed._cache import EmbeddingCache

MAX_BODY_BYTES: Final = 32_000_000
MAX_ITEMS: Final = 2048
_SILENT_SECONDS: Final = 60
_EMBEDDINGS: Final = "/v1/embeddings"
_ENCODINGS: Final = ("float", "base64")


class EmbeddingEndpoint:
    """Serves `POST /v1/embeddings`, `GET /v1/models` and `GET /health`. The port is taken when it is made.

    Parameters
    ----------
    embedder
        Text -> vector.
    name
        The model's name in requests; the embedder's own by default.
    cache
        Where vectors are kept; None keeps none.
    host, port
        Where to listen; port 0 takes a free one.
    max_body_bytes
        The longest request that is read.

    Raises
    ------
    OutputError
        If the port cannot be taken.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        name: str | None = None,
        cache: EmbeddingCache | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self.name = name or embedder.name
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as error:
            raise OutputError(
                f"'{error.strerror or error}' when listening on {host}, port {port}",
                expected="a port that is free",
                mend="choose another --port; 0 takes a free one",
            ) from error
        self._server.max_body_bytes = max_body_bytes
        self._server.embedder = embedder
        self._server.model = self.name
        self._server.cache = cache

    @property
    def url(self) -> str:
        """The base URL for clients."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def serve(self) -> None:
        """Answer until `close` is called from another thread, or an exception such as Ctrl-C comes."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()

    def release(self) -> None:
        """Give the port back after `serve` has ended by an exception."""
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # a thread that is ended with the process may be in the midst of the model's C++
    embedder: Embedder
    model: str
    cache: EmbeddingCache | None
    max_body_bytes: int

    def __init__(self, *arguments: Any) -> None:
        self._one_at_a_time = threading.Lock()
        self._open: set[Any] = set()
        super().__init__(*arguments)  # which closes, if the port is taken

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End all connections, which clients keep open for their next request, and wait for their threads."""
        for request in tuple(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed with one thread at a time: a model uses all cores by itself."""
        with self._one_at_a_time:
            return embed_texts(self.embedder, texts, cache=self.cache, progress=False)

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Return how many tokens the texts have, estimated if the embedder cannot tell."""
        count = getattr(self.embedder, "count_tokens", estimate_all)
        with self._one_at_a_time:
            return sum(count(texts))

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that went away."""


class _RefusedError(Exception):
    """A request that is answered by an error."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "embedreg"
    timeout = _SILENT_SECONDS

    def do_GET(self) -> None:
        """Answer `/health` and `/v1/models`."""
        model = {"id": self.server.model, "object": "model", "created": 0, "owned_by": "embedreg"}
        pages: dict[str, Any] = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": [model]},
            f"/v1/models/{self.server.model}": model,
        }
        page = pages.get(self._path())
        if self._path() == _EMBEDDINGS:
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, f"a GET of {_EMBEDDINGS}; send a POST")
        elif page is None:
            self._refuse(HTTPStatus.NOT_FOUND, f"no {self._path()}; there are {', '.join(pages)}")
        else:
            self._answer(HTTPStatus.OK, page)

    def do_POST(self) -> None:
        """Answer the path of embeddings."""
        try:
            body = self._body()
            if self._path() != _EMBEDDINGS:
                raise _RefusedError(HTTPStatus.NOT_FOUND, f"no {self._path()}; there is {_EMBEDDINGS}")
            answer = self._embeddings(_json_object(body))
        except _RefusedError as refused:
            self._refuse(refused.status, str(refused))
        except EmbedregError as error:
            is_theirs = isinstance(error, ValueError)
            status = HTTPStatus.BAD_REQUEST if is_theirs else HTTPStatus.INTERNAL_SERVER_ERROR
            self._refuse(status, str(error))
        else:
            self._answer(HTTPStatus.OK, answer)

    def log_message(self, *_: Any) -> None:
        """Log nothing: requests hold the user's texts."""

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "no Content-Length")
        if int(length) > self.server.max_body_bytes:
            self.close_connection = True  # what was not read would be taken for the next request
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a request of {length} bytes; at most {self.server.max_body_bytes}",
            )
        return self.rfile.read(int(length))

    def _embeddings(self, asked: dict[str, Any]) -> dict[str, Any]:
        embedder, model = self.server.embedder, self.server.model
        if asked.get("model") != model:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"no model {asked.get('model')!r}; there is {model!r}")
        encoding = asked.get("encoding_format") or "float"
        if encoding not in _ENCODINGS:
            raise _bad(f"encoding_format {encoding!r}; expected one of {', '.join(_ENCODINGS)}")
        if asked.get("dimensions") not in (None, embedder.dimension):
            raise _bad(f"dimensions {asked['dimensions']!r}; this model has {embedder.dimension}")
        texts = _texts(asked.get("input"))
        vectors = self.server.embed(texts)
        tokens = self.server.count_tokens(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, encoding)}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": model, "usage": usage}

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        self._answer(
            status, {"error": {"message": message, "type": kind, "param": None, "code": status.value}}
        )

    def _answer(self, status: HTTPStatus, page: dict[str, Any]) -> None:
        body = json.dumps(page).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise _bad("a body that is no JSON") from None
    if not isinstance(found, dict):
        raise _bad("a body that is no JSON object")
    return found


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if texts == []:
        raise _bad("an input without a text; expected at least one")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _bad("an input that is neither a text nor a list of texts; token ids are not supported")
    if len(texts) > MAX_ITEMS:
        raise _bad(f"{len(texts)} texts; at most {MAX_ITEMS} in a request")
    check_texts(texts)
    return texts


def _encoded(vector: NDArray[np.float32], encoding: str) -> str | list[float]:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers


def _bad(message: str) -> _RefusedError:
    return _RefusedError(HTTPStatus.BAD_REQUEST, message)
