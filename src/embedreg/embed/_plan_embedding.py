"""What embedding some texts would take, before it is done: tokens, requests, money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from embedreg.embed._dimension import known_dimension
from embedreg.embed._embed_texts import refuse_other_than_texts
from embedreg.embed.services._spending import dollars
from embedreg.embed.services._tokens import ESTIMATE, estimate_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.core.protocols import Embedder
    from embedreg.embed._cache import EmbeddingCache
    from embedreg.embed.services._service_embedder import Quote

_MILLION = 1_000_000


@dataclass(frozen=True)
class EmbeddingPlan:
    """What embedding some texts would take.

    Attributes
    ----------
    model
        Name of the embedder.
    texts, distinct, cached
        Given, different ones among them, and how many of those the cache has.
    tokens
        Of the distinct texts that are not cached.
    tokens_source
        Whether they were counted or estimated, in words.
    requests
        That a service would be sent; 0 for a model that runs here.
    cost
        In USD; 0 for a model that runs here, None if no price is known.
    price_source
        Where the price is from, in words.
    at_most
        Whether it may turn out to be less.
    again
        Texts that are embedded once more, as nothing keeps them from one batch to the next.

    Examples
    --------
    >>> here = EmbeddingPlan("minilm", 4, 3, 0, 8, "counted by the model's tokenizer", 0, 0.0, "it runs here")
    >>> print(here + here)
    model     minilm
    texts     at most 8, of which 6 distinct
    cached    0; at most 6 to be embedded
    tokens    at most 16 (counted by the model's tokenizer)
    requests  0
    cost      $0.00 (it runs here)
    """

    model: str
    texts: int
    distinct: int
    cached: int
    tokens: int
    tokens_source: str
    requests: int
    cost: float | None
    price_source: str
    at_most: bool = False
    again: int = 0

    def __add__(self, other: EmbeddingPlan) -> EmbeddingPlan:
        """Return what both take, at most: a text that is in both is counted twice."""
        return EmbeddingPlan(
            model=_both(self.model, other.model),
            texts=self.texts + other.texts,
            distinct=self.distinct + other.distinct,
            cached=self.cached + other.cached,
            tokens=self.tokens + other.tokens,
            tokens_source=_both(self.tokens_source, other.tokens_source),
            requests=self.requests + other.requests,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
            price_source=_both(self.price_source, other.price_source),
            at_most=self.at_most or other.at_most or bool(self.texts and other.texts),
            again=self.again + other.again,
        )

    def __str__(self) -> str:
        again = f", {self.again:,} of them once more, as no cache keeps them" if self.again else ""
        price = f" ({self.price_source})" if self.price_source else ""
        return "\n".join(
            (
                f"model     {self.model}",
                f"texts     {self._up_to(self.texts)}, of which {self.distinct:,} distinct",
                f"cached    {self.cached:,}; {self._up_to(self.distinct - self.cached + self.again)} to be embedded{again}",
                f"tokens    {self._up_to(self.tokens)} ({self.tokens_source})",
                f"requests  {self._up_to(self.requests)}",
                f"cost      {self._up_to_dollars()}{price}",
            )
        )

    def _up_to(self, number: int) -> str:
        return f"at most {number:,}" if self.at_most and number else f"{number:,}"

    def _up_to_dollars(self) -> str:
        if self.cost is None:
            return "unknown"
        return f"at most {dollars(self.cost)}" if self.at_most and self.cost else dollars(self.cost)


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one}; {other}"


@runtime_checkable
class _Quoting(Protocol):
    """An embedder of a service."""

    def quote(self, texts: Sequence[str]) -> Quote: ...


@runtime_checkable
class _Counting(Protocol):
    """An embedder that runs here and has its tokenizer at hand."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


def plan_embedding(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    cache: EmbeddingCache | None = None,
    batch: int | None = None,
) -> EmbeddingPlan:
    """Say what `embed_texts` would take for the same arguments. No service is asked anything.

    Parameters
    ----------
    embedder
        Text -> vector.
    texts
        n texts.
    cache
        Where vectors may be already; None for none.
    batch
        How many texts at a time `embed_texts` is called with; None for all.

    Raises
    ------
    UsageError
        If `texts` is a single text.
    DataError
        If a text cannot be embedded.
    CacheError
        If the cache cannot be read.

    Examples
    --------
    >>> from embedreg.embed import make_embedder
    >>> embedder = make_embedder("openai:my-model?base_url=http://localhost:8080/v1&price=0.02&items=2")
    >>> plan = plan_embedding(embedder, ["a red car", "a blue car", "a red car", "a bus"])
    >>> plan.distinct, plan.tokens, plan.requests, plan.cost
    (3, 8, 2, 1.6e-07)

    Where neither the settings nor the cache tell how long a service's vectors are, it is asked with one word more, which is
    not counted.
    """
    refuse_other_than_texts(texts)
    distinct = list(dict.fromkeys(texts))
    missing = set(_not_cached(embedder, distinct, cache))
    calls = _calls(texts, missing, batch, kept=cache is not None)
    sent = [text for call in calls for text in call]
    counts = len(texts), len(distinct), len(distinct) - len(missing)
    again = len(sent) - len(missing)
    if isinstance(embedder, _Quoting):
        quotes = [embedder.quote(call) for call in calls]
        tokens, price = sum(quote.tokens for quote in quotes), quotes[0].price
        cost = None if price is None and sent else tokens * (price or 0.0) / _MILLION
        requests, source = sum(quote.requests for quote in quotes), quotes[0].price_source
        return EmbeddingPlan(embedder.name, *counts, tokens, ESTIMATE, requests, cost, source, again=again)
    if isinstance(embedder, _Counting):
        tokens, source = sum(embedder.count_tokens(sent)) if sent else 0, "counted by the model's tokenizer"
        return EmbeddingPlan(embedder.name, *counts, tokens, source, 0, 0.0, "it runs here", again=again)
    tokens, source = sum(estimate_all(sent)), "the embedder does not say"
    return EmbeddingPlan(embedder.name, *counts, tokens, ESTIMATE, 0, None, source, again=again)


def _calls(texts: Sequence[str], missing: set[str], batch: int | None, *, kept: bool) -> list[list[str]]:
    """Return the texts that each call would have to embed, one call at least; `kept`, none does what an earlier one did."""
    calls, left = [], missing
    for start in range(0, len(texts), batch or max(1, len(texts))):
        part = dict.fromkeys(texts[start : start + (batch or len(texts))])
        calls.append([text for text in part if text in left])
        if kept:
            left = left.difference(calls[-1])
    return calls or [[]]


def is_service(embedder: Embedder) -> bool:
    """Return whether an embedder sends texts to a service, which may cost money.

    Examples
    --------
    >>> from embedreg.embed import make_embedder
    >>> is_service(make_embedder("openai:text-embedding-3-small")), is_service(make_embedder("minilm"))
    (True, False)
    """
    return isinstance(embedder, _Quoting)


def _not_cached(embedder: Embedder, distinct: Sequence[str], cache: EmbeddingCache | None) -> list[str]:
    """Return the texts that the cache does not have."""
    if cache is None:
        return list(distinct)
    dimension = known_dimension(embedder, cache)
    if dimension is None:
        return list(distinct)
    found = cache.get(embedder.fingerprint(), dimension, distinct).found
    return [text for text, is_there in zip(distinct, found, strict=True) if not is_there]
