"""Both clients against a service that misbehaves: right vectors, or one clear error."""

from __future__ import annotations

import email.utils
import gc
import time
import traceback
from dataclasses import replace

import numpy as np
import pytest
from service_server import (
    DIMENSION,
    DROPPED,
    NO_NUMBERS,
    NOT_A_NUMBER,
    TOO_FEW,
    TOO_MANY,
    TRUNCATED,
    WRONG_DIMENSION,
    Fault,
    ServiceServer,
    status,
    vectors_of,
)

from embedreg.core.errors import ModelError
from embedreg.embed import embed_texts

TEXTS = [f"text number {i}" for i in range(10)]
TEMPORARY = {
    "429": status(429),
    "429, retry after": status(429, Retry_After="0.05"),
    "500": status(500),
    "503": status(503),
    "truncated": TRUNCATED,
    "dropped": DROPPED,
    "too few": TOO_FEW,
    "too many": TOO_MANY,
    "wrong dimension": WRONG_DIMENSION,
    "nan": NOT_A_NUMBER,
    "no numbers": NO_NUMBERS,
    "not json": status(502, body="<html>"),
}


@pytest.mark.parametrize("fault", TEMPORARY.values(), ids=TEMPORARY)
def test_what_goes_wrong_once_is_asked_again(server, make, fault):
    server.one_after_another(None, fault, fault)
    embedder = make(items=4)

    np.testing.assert_allclose(embed_texts(embedder, TEXTS), vectors_of(TEXTS), rtol=1e-6)

    assert (embedder.usage.requests, embedder.usage.failures) == (3, 2)
    assert set(server.answered.values()) == {1}


def test_an_answer_that_takes_too_long_is_given_up(server, make):
    server.one_after_another(Fault(delay=3.0))
    embedder = make(timeout=0.25)

    started = time.monotonic()
    np.testing.assert_allclose(embed_texts(embedder, TEXTS), vectors_of(TEXTS), rtol=1e-6)

    assert 0.25 <= time.monotonic() - started < 2.9
    assert embedder.usage.failures == 1


def test_the_order_is_that_of_the_indices(server, make, service):
    server.shuffled = True

    np.testing.assert_allclose(embed_texts(make(), TEXTS), vectors_of(TEXTS), rtol=1e-6)


@pytest.mark.parametrize("in_words", [True, False])
def test_waits_as_long_as_the_service_asks(server, make, in_words):
    when = email.utils.formatdate(time.time() + 2, usegmt=True)  # whole seconds: at least one from now
    server.one_after_another(status(429, Retry_After="0.4" if in_words else when))

    started = time.monotonic()
    embed_texts(make(), TEXTS)

    assert time.monotonic() - started >= (0.4 if in_words else 0.9)


def test_a_rate_limit_holds_up_the_other_requests_too(server, make):
    server.one_after_another(status(429, Retry_After="0.4"))

    embed_texts(make(items=1, concurrency=1), TEXTS[:3])

    assert server.asked[1].time - server.asked[0].time >= 0.4


def test_a_rate_limit_holds_up_those_whose_turn_was_to_come(server, make):
    server.one_after_another(replace(status(429, Retry_After="0.6"), delay=0.05))

    gc.collect()  # all threads wait for a full collection, which many objects make long
    started = time.monotonic()
    embed_texts(make(items=1, concurrency=4, rpm=240), TEXTS[:4])  # a quarter of a second each

    begun, *others = sorted(asked.time for asked in server.asked)
    assert others[0] - begun >= 0.6
    assert np.all(
        np.array(others) - started >= [0.74, 0.99, 1.24, 1.49]
    )  # a busy machine is late, never early


@pytest.mark.parametrize("service", ["gemini"], indirect=True)
def test_google_says_in_the_body_how_long_to_wait(server, make):
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.4s"}
    body = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [info]}}
    server.one_after_another(status(429, body=body))

    started = time.monotonic()
    embed_texts(make(), TEXTS)

    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize("service", ["openai"], indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        {"error": 'model "m" not found, try pulling it first'},
        {"detail": 'model "m" not found, try pulling it first'},
        ['model "m" not found, try pulling it first'],
        'model "m" not found, try pulling it first',
    ],
)
def test_what_a_server_says_is_wrong_is_passed_on_in_whatever_form(server, make, body):
    server.fault = lambda _: status(404, body=body)

    with pytest.raises(ModelError, match=r"status 404: .*try pulling it first"):
        embed_texts(make(), TEXTS)


def test_a_proxy_that_waited_in_vain_is_asked_again(server, make):
    server.one_after_another(status(522), status(524))

    np.testing.assert_allclose(embed_texts(make(), TEXTS), vectors_of(TEXTS), rtol=1e-6)


def test_a_wait_beyond_ten_minutes_is_not_waited_for(server, make):
    server.fault = lambda _: status(429, Retry_After="4000")

    with pytest.raises(ModelError, match="retry after 4000 s.*run again later"):
        embed_texts(make(), TEXTS)

    assert len(server.asked) == 1


@pytest.mark.parametrize("service", ["openai"], indirect=True)
def test_money_that_is_used_up_is_not_waited_for(server, make):
    body = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    server.fault = lambda _: status(429, body=body)

    with pytest.raises(ModelError, match="You exceeded your quota"):
        embed_texts(make(), TEXTS)

    assert len(server.asked) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
def test_a_refusal_is_not_repeated(server, make, code):
    server.fault = lambda _: status(code)

    with pytest.raises(ModelError, match=rf"status {code}: .*made to fail.* from \w+:model; .*docs/services"):
        embed_texts(make(), TEXTS)

    assert len(server.asked) == 1


def test_what_fails_all_the_time_is_given_up(server, make):
    server.fault = lambda _: status(503)

    with pytest.raises(ModelError, match=r"status 503.* after 3 attempts; .*run again later"):
        embed_texts(make(retries=2), TEXTS)

    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (TOO_FEW, "9 vectors for 10 texts"),
        (WRONG_DIMENSION, f"a vector of {DIMENSION + 1} numbers instead of {DIMENSION}"),
        (NOT_A_NUMBER, "NaN or infinity"),
        (TRUNCATED, "a wrong answer"),
    ],
)
def test_wrong_answers_are_given_up_before_they_cost_much(server, make, fault, said):
    server.fault = lambda _: fault

    with pytest.raises(ModelError, match=said):
        embed_texts(make(retries=20), TEXTS)

    assert len(server.asked) == 4


def test_no_service_at_all(make, service):
    with ServiceServer() as gone:
        pass
    url = f"{gone.url}/v1" if service == "openai" else gone.url

    with pytest.raises(ModelError, match=r"broken connection.* after 2 attempts"):
        embed_texts(make(retries=1, base_url=url), TEXTS)


def test_a_key_that_is_echoed_is_not_shown(server, make, key, capfd, caplog):
    caplog.set_level("DEBUG")
    message = f"Incorrect API key provided: {key}. See http://here/?key={key} and sk-12***34"
    server.fault = lambda _: status(401, body={"error": {"message": message}})
    embedder = make()

    with pytest.raises(ModelError, match=r"Incorrect API key provided: \[hidden\]") as caught:
        embed_texts(embedder, TEXTS)

    shown = "".join(traceback.format_exception(caught.value)) + repr(embedder) + caplog.text
    shown += str(dict(embedder.fingerprint())) + "".join(capfd.readouterr())
    assert key not in shown
    assert "sk-12" not in shown


def test_a_key_that_is_echoed_is_not_shown_by_the_command_even_with_debug(
    server, service, key, capfd, tmp_path
):
    from embedreg.cli import main

    server.fault = lambda _: status(401, body={"error": {"message": f"no account has {key}"}})
    data = tmp_path / "data.csv"
    data.write_text("x,y\n" + "".join(f"{i},{i}\n" for i in range(40)))
    url = f"{server.url}/v1" if service == "openai" else server.url
    words = ["compare", data, "--target", "y", "--output", tmp_path / "kept", "--debug"]
    with pytest.raises(SystemExit) as caught:
        main([*map(str, words), "--model", f"{service}:m?base_url={url}"])

    out, err = capfd.readouterr()
    assert caught.value.code == 1
    assert "no account has [hidden]" in err
    assert "Traceback" in err
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert key not in out + err
    assert key.encode() not in written
