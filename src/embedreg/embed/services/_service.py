"""What an adapter of a service gives to `ServiceEmbedder`, and what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedreg.core.protocols import Json


@dataclass(frozen=True)
class Limits:
    """What one request may hold; None stands for no limit.

    Attributes
    ----------
    items
        Texts.
    tokens
        Tokens of all texts together.
    bytes
        Bytes of all texts together, as they are written in JSON.
    text_tokens
        Tokens of one text.
    """

    items: int
    tokens: int | None = None
    bytes: int | None = None
    text_tokens: int | None = None


@dataclass(frozen=True)
class KnownModel:
    """What is public about a model of a service.

    Attributes
    ----------
    dimension
        Length of its vectors when no other is asked for.
    text_tokens
        Tokens it reads of a text at most.
    price
        USD for a million tokens, as `PRICES_READ` has it.
    """

    dimension: int
    text_tokens: int
    price: float


PRICES_READ = "2026-04"
"""When the prices of the known models were read, as year and month. Prices change: `price=` overrides them."""


@dataclass(frozen=True)
class Answer:
    """What a service answered to one request, before any check.

    Attributes
    ----------
    items
        A pair for each vector: the position of its text in the request, and the numbers, either as a list
        or as base64 of little-endian float32.
    tokens
        How many tokens the service counted, if it says so.
    """

    items: Sequence[tuple[Any, Any]]
    tokens: int | None = None


class RequestFailedError(Exception):
    """One request brought no vectors.

    Attributes
    ----------
    message
        What went wrong; it may still hold what must not be shown.
    retry
        Whether the same request may work in a while, and is sent again.
    later
        Whether it may work another time, after so long that nobody waits for it here.
    wait
        Seconds that the service asked to wait, if it did.
    held_up
        Whether the service refuses further requests for now too, as it does at a rate limit.
    maybe_paid
        Whether the service may have done the work and charged for it.
    """

    def __init__(
        self,
        message: str,
        *,
        retry: bool,
        later: bool = False,
        wait: float | None = None,
        held_up: bool = False,
        maybe_paid: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry = retry
        self.later = later
        self.wait = wait
        self.held_up = held_up
        self.maybe_paid = maybe_paid


class WrongAnswerError(RequestFailedError):
    """An answer came and is not what was asked for. The service may charge for it all the same."""

    def __init__(self, what: str) -> None:
        super().__init__(f"a wrong answer: {what}", retry=True, maybe_paid=True)


class Connection(Protocol):
    """A service's client, ready to send. Threads share it."""

    @property
    def secrets(self) -> Sequence[str]:
        """Return what must never be shown: keys and passwords."""
        ...

    def embed(self, texts: Sequence[str]) -> Answer:
        """Send one request, without retries.

        Raises
        ------
        RequestFailedError
            If there is no answer that can be read.
        """
        ...

    def close(self) -> None:
        """End what is under way and close the sockets."""
        ...


class ClientConnection:
    """What connections have in common that go through the client of the service's maker."""

    def __init__(self, client: Any, secrets: Sequence[str]) -> None:
        self._client = client
        self.secrets = [secret for secret in secrets if secret]

    def close(self) -> None:
        """Close the sockets."""
        self._client.close()


class Service(Protocol):
    """One model of one service. It holds settings alone: no key, no socket."""

    @property
    def kind(self) -> str:
        """Return the prefix of the model's string."""
        ...

    @property
    def model(self) -> str:
        """Return the model's name, as the service knows it."""
        ...

    @property
    def known(self) -> KnownModel | None:
        """Return what is public about the model, if it is served by those who publish it."""
        ...

    @property
    def limits(self) -> Limits:
        """Return what a request may hold unless the user says otherwise."""
        ...

    @property
    def digits_a_token(self) -> int:
        """Return how many digits its tokenizer makes one token of, to estimate tokens by."""
        ...

    def identity(self) -> Mapping[str, Json]:
        """Return what decides a text's vector, for the cache's key; no credentials."""
        ...

    def connect(self, timeout: float) -> Connection:
        """Make the client. Keys are read from the environment here, and nowhere else.

        Raises
        ------
        UsageError
            If a package or a key is missing.
        """
        ...
