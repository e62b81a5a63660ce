"""Texts -> requests -> vectors, whichever the service."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from embedreg.core.errors import DataError, UsageError
from embedreg.core.warn import warn
from embedreg.embed.services._pace import Pace
from embedreg.embed.services._plan import plan_requests
from embedreg.embed.services._send import Run, Sender
from embedreg.embed.services._service import PRICES_READ
from embedreg.embed.services._spending import Ledger, Usage
from embedreg.embed.services._tokens import estimate_all, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from embedreg.core.protocols import Json
    from embedreg.embed.services._plan import Request
    from embedreg.embed.services._service import Connection, Service
    from embedreg.embed.services._settings import RequestSettings

_SCHEMA: Final = 1  # to be raised whenever this code would give a text another vector
_PROBE: Final = "dimension"


class Quote(NamedTuple):
    """What embedding some texts would take.

    Attributes
    ----------
    tokens, requests
        How many; tokens are estimated.
    price
        USD for a million tokens, or None if it is not known.
    price_source
        Where the price is from, in words.
    """

    tokens: int
    requests: int
    price: float | None
    price_source: str


class ServiceEmbedder:
    """Embeds texts with a service; an `embedreg.core.protocols.Embedder`.

    Requests are filled to the limits, sent a few at once, paced, and sent again when they fail for a time.
    Each answer is checked, and handed on before the next request goes out, so that a caller that stores
    answers at once loses no more than the requests under way. Nothing is sent before the first use, and a
    pickle carries neither the client nor what was spent.

    Parameters
    ----------
    service
        One model of one service.
    settings
        How requests are made.

    Raises
    ------
    UsageError
        If there is a cap on the cost and no price.

    Attributes
    ----------
    store_each_batch
        Asks `embed_texts` to store each batch at once, for it is paid for.
    """

    store_each_batch: ClassVar = True

    def __init__(self, service: Service, settings: RequestSettings) -> None:
        self._service = service
        self._settings = settings
        self._limits = settings.over(service.limits)
        self._dimension = _dimension_of(service)
        if settings.max_cost is not None and self.price is None:
            raise UsageError(
                f"max_cost={settings.max_cost:g} for {self.name}, whose price is not known",
                expected="a price in USD for a million tokens",
                mend="add price=... to the model's string",
            )
        self._begin()

    def _begin(self) -> None:
        """Make what belongs to this process."""
        self._pace = Pace(self._settings.rpm, self._settings.tpm)
        self._ledger = Ledger(self.price, self._settings.max_cost)
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def __repr__(self) -> str:
        return f"ServiceEmbedder({self.name!r}, {dict(self._service.identity())})"

    def __deepcopy__(self, memo: dict[int, Any]) -> ServiceEmbedder:
        return self  # scikit-learn's clone must not get a spending cap of its own

    def __getstate__(self) -> dict[str, Any]:
        own = ("_service", "_settings", "_limits", "_dimension")
        return {name: vars(self)[name] for name in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    @property
    def name(self) -> str:
        """Service and model."""
        return f"{self._service.kind}:{self._service.model}"

    @property
    def price(self) -> float | None:
        """USD for a million tokens, or None if it is not known."""
        if self._settings.price is not None:
            return self._settings.price
        return self._service.known.price if self._service.known else None

    @property
    def usage(self) -> Usage:
        """What was asked of the service so far, and what it cost."""
        return self._ledger.usage()

    @property
    def known_dimension(self) -> int | None:
        """Length of a vector, if it is known without asking the service."""
        return self._dimension

    @property
    def dimension(self) -> int:
        """Length of a vector; of a model that is not known, found out once by sending one word.

        Raises
        ------
        UsageError, ModelError, SpendingCapError
            As `embed_batches`.
        """
        if self._dimension is None:
            for _ in self.embed_batches([_PROBE]):  # which takes note of it
                pass
        assert self._dimension is not None
        return self._dimension

    def fingerprint(self) -> Mapping[str, Json]:
        """Return what decides a text's vector, as far as it can be known from outside; no credentials."""
        cut = {"truncated_at": self._limits.text_tokens} if self._settings.truncate else {}
        return {"engine": "service", "schema": _SCHEMA, **self._service.identity(), **cut}

    def quote(self, texts: Sequence[str]) -> Quote:
        """Say what embedding these texts would take; nothing is sent.

        Raises
        ------
        DataError
            If a text cannot be embedded.
        """
        texts, tokens = self._prepared(texts)
        requests = plan_requests(texts, tokens, self._limits)
        return Quote(sum(tokens), len(requests), self.price, self._price_source())

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield (positions, vectors of shape (len(positions), d)) of a request as soon as it is answered.

        When a request fails for good, or Ctrl-C is pressed, no more are sent; what is under way is waited
        for and yielded, and then the error is raised.

        Raises
        ------
        DataError
            If a text is blank, or too long for the service; before anything is sent.
        UsageError
            If a package or a key is missing.
        ModelError
            If the service refuses a request, or fails more often than `retries` allows.
        SpendingCapError
            If the next request could cost more than is left.

        Warns
        -----
        EmbedregWarning
            If texts were cut because `truncate=true` asks for it.
        """
        texts, tokens = self._prepared(texts)
        requests = plan_requests(texts, tokens, self._limits)
        if requests:
            yield from self._answers(requests, texts)

    def _answers(
        self, requests: Sequence[Request], texts: Sequence[str]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        run = Run(self._sender(), requests, texts, self._settings.concurrency)
        try:
            while (answer := run.next_answer()) is not None:
                request, vectors = answer
                self._dimension = vectors.shape[1]
                yield list(request.positions), vectors
            if run.error is not None:
                raise run.error
        finally:
            if run.abandon():
                self._disconnect()

    def _prepared(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        """Return texts that may be sent, cut where that is wished, and the tokens of each as estimated."""
        _refuse_blank(texts)
        digits, limit = self._service.digits_a_token, self._limits.text_tokens
        tokens = estimate_all(texts, digits)
        if limit is None or max(tokens, default=0) <= limit:
            return list(texts), tokens
        long = [position for position, count in enumerate(tokens) if count > limit]
        if not self._settings.truncate:
            raise DataError(
                f"about {tokens[long[0]]:,} tokens in the text at position {long[0]}"
                + (f", and {len(long) - 1} more texts too long" if len(long) > 1 else ""),
                expected=f"at most {limit:,} tokens in a text for {self.name}",
                mend="write fewer fields or digits; truncate=true in the model's string cuts texts, and"
                " text_tokens=N sets another limit",
            )
        warn(f"{len(long)} of {len(texts)} texts were cut to about {limit:,} tokens for {self.name}")
        kept = list(texts)
        for position in long:
            kept[position] = shortened(kept[position], limit, digits)
            tokens[position] = limit
        return kept, tokens

    def _price_source(self) -> str:
        if self.price is None:
            return "no price is known; add price=... to the model's string"
        source = f"as read in {PRICES_READ}" if self._settings.price is None else "as given"
        return f"at ${self.price:g} for a million tokens, {source}"

    def _sender(self) -> Sender:
        with self._lock:
            if self._connection is None:
                self._connection = self._service.connect(self._settings.timeout)
                self._close = weakref.finalize(self, self._connection.close)
            connection = self._connection
        return Sender(self.name, connection, self._settings, self._pace, self._ledger, self._dimension)

    def _disconnect(self) -> None:
        """Close the sockets, so that no thread goes on waiting for an answer that nobody takes."""
        with self._lock:
            if self._connection is not None:
                self._close()
            self._connection = None


def _dimension_of(service: Service) -> int | None:
    asked = service.identity().get("dimensions")
    if isinstance(asked, int):
        return asked
    return service.known.dimension if service.known else None


def _refuse_blank(texts: Sequence[object]) -> None:
    if isinstance(texts, str):
        raise DataError("one text", expected="a list of texts", mend="wrap it in a list: [text]")
    for position, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise DataError(
                f"{'a blank text' if isinstance(text, str) else f'a {type(text).__name__}'} at position {position}",
                expected="a text with something in it, which services demand",
                mend="leave the record out, or give it some text",
            )
