"""Sending requests: a few at once, each until it is answered or fails for good."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import EmbedregError, ModelError
from embedreg.embed.services._answers import vectors_of
from embedreg.embed.services._retry import pause
from embedreg.embed.services._secrets import redacted
from embedreg.embed.services._service import RequestFailedError, WrongAnswerError
from embedreg.embed.services._spending import SpendingCapError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from embedreg.embed.services._pace import Pace
    from embedreg.embed.services._plan import Request
    from embedreg.embed.services._service import Connection
    from embedreg.embed.services._settings import RequestSettings
    from embedreg.embed.services._spending import Ledger

_WRONG_ANSWERS: Final = 4
"""How often a request may be answered wrongly before it is given up: each may have to be paid for."""


class _StoppedError(Exception):
    """A request was given up because another one failed for good."""


@dataclass(frozen=True)
class Sender:
    """Sends one request until it is answered. Threads share it.

    Attributes
    ----------
    name
        Of the embedder, for messages.
    connection, settings, pace, ledger
        Where to, how, how fast, and for how much.
    dimension
        Length of vectors, or None if it is still to be found out.
    """

    name: str
    connection: Connection
    settings: RequestSettings
    pace: Pace
    ledger: Ledger
    dimension: int | None

    def send(self, request: Request, texts: Sequence[str], stop: threading.Event) -> NDArray[np.float32]:
        """Return the vectors (n, d) of a request, whose tokens are reserved in the ledger.

        Raises
        ------
        ModelError
            If the service refuses it, or fails too often.
        SpendingCapError
            If another attempt could cost more than is left.
        """
        attempt = wrong = 0
        while True:
            attempt += 1
            try:
                self._wait_for_turn(request.tokens, stop)
                return self._attempt(request, texts)
            except RequestFailedError as failure:
                wrong += isinstance(failure, WrongAnswerError)
                self.ledger.failed(request.tokens if failure.maybe_paid else 0)
                if not failure.retry or attempt > self.settings.retries or wrong == _WRONG_ANSWERS:
                    raise self._given_up(failure, attempt) from None
                seconds = pause(attempt, self.settings.backoff, failure)
                if failure.held_up:
                    self.pace.hold(seconds)
            finally:
                self.ledger.release(request.tokens)
            self._wait(seconds, stop)
            self.ledger.reserve(request.tokens)

    def _attempt(self, request: Request, texts: Sequence[str]) -> NDArray[np.float32]:
        try:
            answer = self.connection.embed(texts)
        except RequestFailedError:
            raise
        except Exception as error:  # a client may raise anything, and name the key in it
            message = f"{type(error).__name__} from its client: {error}"
            raise RequestFailedError(message, retry=False, maybe_paid=True) from None
        vectors = vectors_of(answer, len(texts), self.dimension)
        self.ledger.answered(request.tokens if answer.tokens is None else answer.tokens)
        return vectors

    def _wait_for_turn(self, tokens: int, stop: threading.Event) -> None:
        self._wait(self.pace.turn(tokens), stop)
        while self.pace.is_held:  # the service asked for it meanwhile
            self._wait(self.pace.turn(tokens), stop)

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        if stop.wait(seconds):
            raise _StoppedError

    def _given_up(self, failure: RequestFailedError, attempts: int) -> ModelError:
        times = "" if attempts == 1 else f" after {attempts} attempts"
        return ModelError(
            f"'{redacted(failure.message, self.connection.secrets)}' from {self.name}{times}",
            expected="a vector for each text",
            mend="run again later; with a cache, what was answered is kept"
            if failure.retry or failure.later
            else "check the key, the model's name and the settings in its string (docs/services.md)",
        )


class Run:
    """Requests that are sent a few at once. An answer that was not taken counts as one under way.

    Parameters
    ----------
    sender
        Sends each.
    requests
        What to send, in this order.
    texts
        To which the requests' positions refer.
    concurrency
        Requests under way at once.

    Attributes
    ----------
    error
        Why no more is sent, or None. What was under way then is still answered.
    """

    def __init__(
        self, sender: Sender, requests: Sequence[Request], texts: Sequence[str], concurrency: int
    ) -> None:
        self.error: BaseException | None = None
        self._sender = sender
        self._waiting = iter(requests)
        self._held: Request | None = None
        self._texts = texts
        self._concurrency = concurrency
        self._under_way: dict[Future[NDArray[np.float32]], Request] = {}
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="embedreg-request")

    def next_answer(self) -> tuple[Request, NDArray[np.float32]] | None:
        """Send what may be sent, and return the next answer; None when there will be no more.

        Raises
        ------
        KeyboardInterrupt
            If the user insists: the first one lets requests under way be answered.
        """
        while True:
            try:
                self._send()
                if not self._under_way:
                    return None
                future = next(iter(wait(self._under_way, return_when=FIRST_COMPLETED).done))
                request = self._under_way.pop(future)
                return request, future.result()
            except _StoppedError:
                continue
            except (EmbedregError, KeyboardInterrupt) as error:
                if isinstance(self.error, KeyboardInterrupt):
                    raise self.error from None
                self._end_with(error)

    def abandon(self) -> bool:
        """Send no more and wait for nothing; return whether requests are still under way."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return bool(self._under_way)

    def _send(self) -> None:
        while self.error is None and len(self._under_way) < self._concurrency:
            request = self._held or next(self._waiting, None)
            if request is None or not self._reserved(request):
                return
            texts = [self._texts[position] for position in request.positions]
            future = self._pool.submit(self._sender.send, request, texts, self._stop)
            self._under_way[future] = request

    def _reserved(self, request: Request) -> bool:
        """Reserve a request's tokens; where too few are left, requests under way may yet turn out cheaper."""
        self._held = None
        try:
            self._sender.ledger.reserve(request.tokens)
        except SpendingCapError:
            if not self._under_way:
                raise
            self._held = request
        return self._held is None

    def _end_with(self, error: BaseException) -> None:
        """Send no more. Where something is wrong, and not only the money spent, requests stop their retries."""
        if self.error is None or isinstance(error, KeyboardInterrupt):
            self.error = error
        if not isinstance(error, SpendingCapError):
            self._stop.set()
