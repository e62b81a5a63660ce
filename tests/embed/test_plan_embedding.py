"""plan_embedding: what embedding would take, without asking anybody."""

from __future__ import annotations

import numpy as np
import pytest

from embedreg import TextEmbedder
from embedreg.core.errors import DataError, UsageError
from embedreg.embed import EmbeddingCache, embed_texts, make_embedder, plan_embedding

TEXTS = ["adam", "learning rate 0.125", "adam", "sgd"]
NOWHERE = "http://127.0.0.1:9/v1"


class Unsaid:
    """An embedder that says nothing of tokens or prices."""

    name = "unsaid"
    dimension = 2

    def fingerprint(self):
        return {"kind": self.name}

    def embed_batches(self, texts):
        yield list(range(len(texts))), np.zeros((len(texts), 2), np.float32)


def test_of_a_service_is_estimated_and_priced():
    plan = plan_embedding(make_embedder(f"openai:m?base_url={NOWHERE}&items=2&price=2"), TEXTS)

    assert (plan.texts, plan.distinct, plan.cached, plan.requests) == (4, 3, 0, 2)
    assert plan.cost == pytest.approx(plan.tokens * 2e-6)
    assert "estimated" in plan.tokens_source
    assert "$2 for a million tokens, as given" in str(plan)


def test_a_known_model_has_a_price_with_its_date():
    plan = plan_embedding(make_embedder("gemini:gemini-embedding-001"), TEXTS)

    assert plan.cost == pytest.approx(plan.tokens * 0.15e-6)
    assert "as read in 20" in plan.price_source


def test_a_price_that_is_not_known_is_not_made_up():
    plan = plan_embedding(make_embedder(f"openai:m?base_url={NOWHERE}"), TEXTS)

    assert plan.cost is None
    assert "unknown (no price is known; add price=" in str(plan)


def test_what_is_cached_costs_nothing_even_if_the_dimension_is_not_known():
    embedder = make_embedder(f"openai:m?base_url={NOWHERE}")
    cache = EmbeddingCache()
    cache.put(embedder.fingerprint(), ["adam", "sgd"], np.ones((2, 5), np.float32))

    plan = plan_embedding(embedder, TEXTS, cache=cache)
    nothing = plan_embedding(embedder, ["adam"], cache=cache)

    assert (plan.distinct, plan.cached, plan.requests) == (3, 2, 1)
    assert (nothing.tokens, nothing.requests, nothing.cost) == (0, 0, 0.0)


def test_of_a_model_here_is_counted_and_free(tiny_bert):
    embedder = make_embedder(tiny_bert)
    before = plan_embedding(embedder, TEXTS, cache=EmbeddingCache())
    embed_texts(embedder, TEXTS, cache=EmbeddingCache())
    after = plan_embedding(embedder, TEXTS, cache=EmbeddingCache())

    assert before.tokens == sum(embedder.count_tokens(["adam", "learning rate 0.125", "sgd"]))
    assert (before.cached, before.requests, before.cost) == (0, 0, 0.0)
    assert (after.cached, after.tokens) == (3, 0)


def test_of_an_embedder_that_says_nothing():
    plan = plan_embedding(Unsaid(), TEXTS)

    assert plan.tokens > 0
    assert plan.cost is None


def test_two_plans_are_at_most_their_sum(tiny_bert):
    here = plan_embedding(make_embedder(tiny_bert), TEXTS)
    service = plan_embedding(make_embedder(f"openai:m?base_url={NOWHERE}&price=2"), TEXTS[:1])
    nothing = plan_embedding(make_embedder(tiny_bert), [])
    both = here + service

    assert (both.texts, both.distinct, both.requests, both.cost) == (5, 4, 1, service.cost)
    assert both.tokens == here.tokens + service.tokens
    assert both.model == "tiny-bert; openai:m"
    assert "estimated" in both.tokens_source
    assert "counted" in both.tokens_source
    assert both.at_most
    assert str(both).count("at most") == 5
    assert here + nothing == here
    assert "at most" not in str(here)


def test_a_sum_with_an_unknown_price_has_none():
    unknown = plan_embedding(make_embedder(f"openai:m?base_url={NOWHERE}"), TEXTS)

    assert (unknown + unknown).cost is None
    assert "unknown (no price" in str(unknown + unknown)


def test_of_records():
    model = TextEmbedder(f"openai:m?base_url={NOWHERE}&price=1", cache=False)

    assert model.plan([{"lr": 0.1}, {"lr": 0.1}, {"lr": 0.2}]).distinct == 2


def test_texts_that_cannot_be_embedded_are_found_beforehand():
    embedder = make_embedder(f"openai:m?base_url={NOWHERE}&text_tokens=5")
    with pytest.raises(DataError, match="tokens in the text at position 1"):
        plan_embedding(embedder, ["adam", "adam " * 20])
    with pytest.raises(UsageError, match="one text"):
        plan_embedding(embedder, "adam")


@pytest.mark.parametrize(("cache", "embedded", "requests", "again"), [(False, 8, 4, 4), (True, 4, 2, 0)])
def test_batches_that_nothing_keeps_are_sent_anew(cache, embedded, requests, again):
    embedder = make_embedder(f"openai:m?base_url={NOWHERE}&price=2&items=2")
    texts = ["one", "two", "one", "six", "ten"] * 2

    plan = plan_embedding(embedder, texts, cache=EmbeddingCache() if cache else None, batch=5)

    assert (plan.tokens, plan.requests, plan.again, plan.distinct) == (embedded, requests, again, 4)
    assert f"{embedded} to be embedded" in str(plan)


def test_batches_fill_requests_by_themselves():
    embedder = make_embedder(f"openai:m?base_url={NOWHERE}&items=100")

    assert (
        plan_embedding(embedder, [str(i) for i in range(30)], cache=EmbeddingCache(), batch=10).requests == 3
    )
    assert plan_embedding(embedder, [], batch=10).requests == 0
