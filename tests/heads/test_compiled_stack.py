"""Compiled steps of perceptrons, held to autograd in float64 and to what torch trains; and what is done without them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from compilers import where_gcc_is
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.heads import MLPHead, _compiled_stack
from embedreg.heads import _sweep as sweep
from embedreg.heads._compiled_stack import CompiledStack, compiled_steps_suit, compiled_steps_work
from embedreg.heads._stack import BETAS, EPSILON, Minibatches, MLPStack, initial_parameters, layers_of

CPU = torch.device("cpu")
compiled = pytest.mark.skipif(
    not compiled_steps_work(), reason="no compiled steps for this processor, or no compiler"
)
kinds = pytest.mark.parametrize(
    "lanes", [n for n in (8, 16) if compiled_steps_work() and n <= _compiled_stack._kernels.lanes()]
)
widths = st.lists(st.sampled_from([1, 3, 15, 16, 17, 40, 200]), min_size=1, max_size=4).map(lambda w: (*w, 1))


def models(many, shape):
    return torch.stack([initial_parameters(shape, torch.Generator().manual_seed(i)) for i in range(many)])


def stack(shape, rates, lanes, many=None):
    made = CompiledStack(models(many or len(rates), shape), shape, rates)
    made._lanes = lanes
    return made


def batches(n, d, steps, rows, tasks=1, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, d, generator=draw), torch.randn(n, 1, generator=draw)
    which = torch.randint(n, (tasks, steps, rows), generator=draw)
    weights = torch.rand(tasks, steps, rows, 1, generator=draw)
    weights[:, :, -1] = 0 if rows > 1 else weights[:, :, -1]  # padding
    return Minibatches(x, y, which, weights / weights.sum(2, keepdim=True))


def gradients(layers, x, y, weights):
    """Of the weighted sum of squares, by autograd in float64, as the layers stand."""
    wide = [(w[0].double().requires_grad_(), b[0].double().requires_grad_()) for w, b in layers]
    out = x.double()
    for i, (w, b) in enumerate(wide):
        out = (out.relu() if i else out) @ w + b
    ((out - y.double()).square() * weights.double()).sum().backward()
    return [(w.grad, b.grad) for w, b in wide]


@where_gcc_is
def test_steps_were_compiled_where_a_compiler_is():
    assert _compiled_stack._kernels is not None


@compiled
@kinds
@settings(max_examples=40, deadline=None)
@given(shape=widths, rows=st.sampled_from([1, 2, 15, 16, 31, 32, 33, 70]), seed=st.integers(0, 9))
def test_gradients_are_those_of_autograd(lanes, shape, rows, seed):
    made = stack(shape, [(1e-3, 0.1)], lanes)
    before = layers_of(models(1, shape), shape)
    given_rows = batches(50, shape[0], 1, rows, seed=seed)
    made.learn(given_rows)
    which = given_rows.rows[0, 0]
    wanted = gradients(before, given_rows.x[which], given_rows.y[which], given_rows.weights[0, 0])
    first, second = (made.layers_of(moments) for moments in made._moments)
    most = max(float(grad.abs().max()) for pair in wanted for grad in pair)
    for moments, of in ((first, lambda g: (1 - BETAS[0]) * g), (second, lambda g: (1 - BETAS[1]) * g**2)):
        for found, grads in zip(moments, wanted, strict=True):
            for one, grad in zip(found, grads, strict=True):
                scale = float(of(torch.tensor(most)))
                torch.testing.assert_close(
                    one.flatten().double(), of(grad).flatten(), rtol=1e-4, atol=2e-6 * scale + 1e-12
                )


@compiled
@kinds
def test_updates_are_those_of_adamw(lanes):
    shape, rate, decay = (20, 33, 1), 3e-2, 0.3
    made = stack(shape, [(rate, decay)], lanes)
    for done in range(1, 6):
        before = made.parameters.double().clone()
        made.learn(batches(40, 20, 1, 16, seed=done))
        first, second = (moments.double() for moments in made._moments)
        size = (second / (1 - BETAS[1] ** done)).sqrt() + EPSILON
        wanted = before * (1 - rate * decay) - rate * first / (1 - BETAS[0] ** done) / size
        torch.testing.assert_close(made.parameters.double(), wanted, rtol=1e-5, atol=1e-6)


@compiled
@kinds
@pytest.mark.parametrize("shape", [(12, 40, 24, 1), (300, 1), (7, 16, 16, 16, 1)])
def test_models_learn_what_torch_s_learn(lanes, shape):
    rates = [(1e-3, 0.0), (1e-3, 0.5), (1e-2, 0.1)]
    made, wanted = stack(shape, rates, lanes), MLPStack(models(3, shape), shape, rates)
    for seed in range(3):
        given_rows = batches(60, shape[0], 4, 19, tasks=3, seed=seed)
        made.learn(given_rows)
        wanted.learn(given_rows)
    x = torch.randn(3, 100, shape[0], generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(made.predict(x), wanted.predict(x), rtol=1e-3, atol=1e-3)
    for (weights, biases), (wanted_weights, wanted_biases) in zip(
        made.layers_of(made.parameters), wanted.layers_of(wanted.parameters), strict=True
    ):
        torch.testing.assert_close(weights, wanted_weights, rtol=1e-2, atol=2e-4)
        torch.testing.assert_close(biases, wanted_biases, rtol=1e-2, atol=2e-4)


@compiled
@kinds
def test_what_fills_up_a_panel_stays_zero(lanes):
    shape = (5, 17, 3, 1)
    made = stack(shape, [(1e-1, 0.0)], lanes)
    for seed in range(20):
        made.learn(batches(30, 5, 2, 9, seed=seed))
    for (weights, biases), outputs in zip(made._views(made.parameters), shape[1:], strict=True):
        beyond = weights.transpose(1, 2).flatten(2)[..., outputs:], biases[:, outputs:]
        assert all((part == 0).all() for part in beyond)


@compiled
@kinds
def test_models_that_stay_train_on_as_if_none_had_left(lanes):
    shape, rates = (6, 20, 1), [(1e-2, 0.1 * i) for i in range(4)]
    whole, part = (stack(shape, rates, lanes) for _ in range(2))
    kept = torch.tensor([1, 3])
    for seed in range(4):
        given_rows = batches(30, 6, 2, 8, tasks=4, seed=seed)
        whole.learn(given_rows)
        if seed == 2:
            part.keep(kept)
        own = given_rows.rows[kept], given_rows.weights[kept]
        part.learn(given_rows if seed < 2 else Minibatches(given_rows.x, given_rows.y, *own))
    assert torch.equal(whole.parameters[kept], part.parameters)


@compiled
@kinds
def test_models_of_one_task_share_its_rows(lanes):
    shape, rates = (6, 20, 1), [(1e-2, 0.1), (1e-3, 0.0)]
    shared, each = (stack(shape, rates, lanes) for _ in range(2))
    given_rows = batches(30, 6, 3, 8)
    shared.learn(given_rows)
    twice = (part.expand(2, *part.shape[1:]) for part in given_rows[2:])
    each.learn(Minibatches(given_rows.x, given_rows.y, *twice))
    assert torch.equal(shared.parameters, each.parameters)


@compiled
@kinds
def test_rows_of_weight_zero_are_padding_even_where_they_overflow(lanes):
    shape = (4, 10, 1)
    made, wanted = (stack(shape, [(1e-2, 0.1)], lanes) for _ in range(2))
    x, y, rows, weights = batches(9, 4, 1, 8)
    x[0] = 3e38
    rows[..., :-1] = rows[..., :-1].clamp(min=1)
    rows[..., -1] = 0
    made.learn(Minibatches(x, y, rows, weights))
    wanted.learn(Minibatches(x, y, rows[..., :-1], weights[:, :, :-1]))
    assert torch.equal(made.parameters, wanted.parameters)


@compiled
@kinds
def test_predictions_of_any_number_of_rows(lanes):
    made = stack((9, 50, 1), [(1e-3, 0.0)] * 2, lanes)
    wanted = MLPStack(models(2, (9, 50, 1)), (9, 50, 1), [(1e-3, 0.0)] * 2)
    for n in (1, 2, 63, 64, 65, 200):
        x = torch.randn(1, n, 9, generator=torch.Generator().manual_seed(n)).expand(2, -1, -1)
        torch.testing.assert_close(made.predict(x), wanted.predict(x), rtol=1e-5, atol=1e-6)


@compiled
@kinds
def test_weights_that_are_no_numbers_stay_none(lanes):
    made = stack((3, 5, 1), [(1e-2, 0.0)], lanes)
    x, y, rows, weights = batches(9, 3, 1, 8)
    made.learn(Minibatches(x, torch.full_like(y, torch.inf), rows, weights))
    assert made.predict(x[None]).isnan().all()


@compiled
@pytest.mark.parametrize(
    "wrong",
    [{"x": torch.zeros(4, 2, dtype=torch.float64)}, {"rows": torch.zeros(1, 1, 4, dtype=torch.int32)}],
)
def test_other_types_are_refused(wrong):
    with pytest.raises(ValueError, match="expected torch"):
        stack((2, 3, 1), [(1e-2, 0.0)], 8).learn(batches(4, 2, 1, 4)._replace(**wrong))


@compiled
def test_they_are_for_processors_in_float32_and_for_few_rows():
    assert compiled_steps_suit(CPU, torch.float32, 32)
    assert not compiled_steps_suit(torch.device("meta"), torch.float32, 32)
    assert not compiled_steps_suit(CPU, torch.bfloat16, 32)
    assert not compiled_steps_suit(CPU, torch.float32, 10_000)


@compiled
def test_a_sweep_without_them_chooses_as_well(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    scores = []
    for kernels in (_compiled_stack._kernels, None):
        monkeypatch.setattr(_compiled_stack, "_kernels", kernels)
        compiled_steps_work.cache_clear()
        used = []
        monkeypatch.setattr(
            sweep,
            "_make_stack",
            lambda *a, make=sweep._make_stack, used=used: used.append(make(*a)) or used[-1],
        )
        head = MLPHead(hidden=(32, 32), max_epochs=40).fit(X[:150], y[:150])
        assert {type(made) for made in used} == {CompiledStack if kernels else MLPStack}
        scores.append(head.score(X[150:], y[150:]))
    compiled_steps_work.cache_clear()
    assert min(scores) > 0.8
    assert abs(scores[0] - scores[1]) < 0.05


@compiled
def test_wrong_compiled_steps_are_not_used(monkeypatch):
    monkeypatch.setattr(CompiledStack, "predict", lambda self, x: torch.ones(*x.shape[:2], 1))
    compiled_steps_work.cache_clear()
    assert not compiled_steps_work()
    monkeypatch.undo()
    compiled_steps_work.cache_clear()
    assert compiled_steps_work()


def test_every_layer_comes_back_as_it_was_given():
    if _compiled_stack._kernels is None:
        pytest.skip("no compiler")
    shape = (7, 18, 32, 1)
    given_models = models(2, shape)
    made = CompiledStack(given_models, shape, [(1e-2, 0.0)] * 2)
    back = made.layers_of(made.parameters)
    pairs = zip(itertools.chain(*back), itertools.chain(*layers_of(given_models, shape)), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
