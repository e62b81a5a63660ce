from __future__ import annotations

import itertools
import json
import threading

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from embedreg.core.errors import UsageError
from embedreg.core.paths import cache_root
from embedreg.heads import MLPHead, Problem, _compiled_stack, _stack, _workers, fit_many
from embedreg.heads import _sweep as sweep
from embedreg.heads._base import Rows
from embedreg.heads._compiled_stack import CompiledStack, compiled_steps_work
from embedreg.heads._stack import (
    MLPStack,
    backward,
    forward,
    initial_parameters,
    layers_of,
    parameter_count,
)

CPU = torch.device("cpu")
ALIKE = 50, 49, 52  # rows of tasks that take as many steps an epoch
WIDTHS = (5, 8, 6, 1)
HALVES = torch.float32, torch.bfloat16
SMALL = {"hidden": (16, 8), "learning_rates": (1e-3, 1e-2), "weight_decays": (0.0, 0.1), "max_epochs": 25}


def wave(n: int, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.sin(2 * X[:, 0]) + X[:, -1] + 0.1 * rng.normal(size=n)


def tasks(sizes: tuple[int, ...] = (50, 47, 49), d: int = 3) -> list[sweep.Task]:
    made = []
    for seed, n in enumerate(sizes):
        X, y = wave(n + 10 + seed, d, seed)
        made.append(sweep.Task(Rows(X[:n], y[:n]), Rows(X[n:], y[n:]), seed))
    return made


def settings(**changes: object) -> sweep.Settings:
    return MLPHead(**{"patience": 8, "batch_size": 16, **SMALL, **changes})._settings()


def equal(one: sweep.Winner, other: sweep.Winner) -> bool:
    same_choice = (one.learning_rate, one.weight_decay, one.epoch) == (
        other.learning_rate,
        other.weight_decay,
        other.epoch,
    )
    arrays = zip(itertools.chain(*one.layers), itertools.chain(*other.layers), strict=True)
    return same_choice and all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in arrays)


def modules_of(parameters: torch.Tensor) -> list[nn.Sequential]:
    """The same models as PyTorch's own layers."""
    models = []
    for i in range(len(parameters)):
        parts: list[nn.Module] = []
        for weights, biases in layers_of(parameters[i : i + 1], WIDTHS):
            linear = nn.Linear(*weights.shape[1:])
            linear.weight.data, linear.bias.data = weights[0].T.clone(), biases[0, 0].clone()
            parts += [linear, nn.ReLU()]
        models.append(nn.Sequential(*parts[:-1]))
    return models


@pytest.fixture
def parameters() -> torch.Tensor:
    return torch.stack([initial_parameters(WIDTHS, torch.Generator().manual_seed(s)) for s in range(4)])


@pytest.fixture(params=[MLPStack, CompiledStack], ids=["torch", "compiled"])
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[MLPStack | CompiledStack]:
    """What a sweep on a processor trains by: both ways have to do the same."""
    compiled = request.param is CompiledStack
    if compiled and not compiled_steps_work():
        pytest.skip("no compiled steps for this processor, or no compiler")
    monkeypatch.setattr(sweep, "compiled_steps_suit", lambda *_: compiled)
    return request.param


def test_initial_parameters_are_bounded_as_in_pytorch() -> None:
    parameters = initial_parameters((400, 100, 1), torch.Generator().manual_seed(0))[None]
    assert parameters.shape == (1, parameter_count((400, 100, 1)))
    for (weights, biases), inputs in zip(layers_of(parameters, (400, 100, 1)), (400, 100), strict=True):
        bound = inputs**-0.5
        assert weights.abs().max() <= bound
        assert biases.abs().max() <= bound
        assert weights.std() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_gradients_are_those_of_autograd(parameters: torch.Tensor) -> None:
    x, y = torch.randn(4, 7, 5), torch.randn(4, 7, 1)
    leaf = parameters.clone().requires_grad_()
    loss = (forward(layers_of(leaf, WIDTHS), x)[-1] - y).square().mean(dim=(1, 2)).sum()
    (expected,) = torch.autograd.grad(loss, leaf)
    activations = forward(layers_of(parameters, WIDTHS), x)
    found = torch.zeros_like(parameters)  # padding has no gradient
    gradients = layers_of(found, WIDTHS)
    for part in itertools.chain(*gradients):
        part.fill_(torch.nan)
    errors = [torch.empty_like(hidden) for hidden in activations[1:-1]]
    backward(layers_of(parameters, WIDTHS), activations, 2 * (activations[-1] - y) / 7, gradients, errors)
    torch.testing.assert_close(found, expected)


def test_steps_are_those_of_pytorch_models_trained_one_by_one(parameters: torch.Tensor) -> None:
    rates = [(1e-3, 0.0), (1e-3, 0.5), (1e-2, 0.5), (1e-2, 0.5)]
    models = modules_of(parameters)
    optimizers = [
        torch.optim.AdamW(m.parameters(), lr=lr, weight_decay=decay)
        for m, (lr, decay) in zip(models, rates, strict=True)
    ]
    stack = MLPStack(parameters, WIDTHS, rates)
    for _ in range(10):
        x, y = torch.randn(4, 7, 5), torch.randn(4, 7, 1)
        stack.step(x, y, torch.full((4, 7, 1), 1 / 7))
        for i, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x[i]), y[i]).backward()
            optimizer.step()
    x = torch.randn(4, 7, 5)
    expected = torch.stack([m(x[i]).detach() for i, m in enumerate(models)])
    torch.testing.assert_close(stack.predict(x), expected, rtol=1e-3, atol=1e-4)


def test_models_that_stay_train_on_as_if_none_had_left(parameters: torch.Tensor) -> None:
    rates = [(1e-3, 0.0), (1e-3, 0.0), (1e-2, 0.5), (1e-2, 0.5)]
    x, y, weight = torch.randn(4, 7, 5), torch.randn(4, 7, 1), torch.full((4, 7, 1), 1 / 7)
    whole, part = MLPStack(parameters.clone(), WIDTHS, rates), MLPStack(parameters.clone(), WIDTHS, rates)
    whole.step(x, y, weight)
    part.step(x, y, weight)
    stay = torch.tensor([1, 2])
    part.keep(stay)
    for _ in range(5):
        whole.step(x, y, weight)
        part.step(x[stay], y[stay], weight[stay])
    torch.testing.assert_close(part.parameters, whole.parameters[stay])


def test_rows_of_weight_zero_are_padding(parameters: torch.Tensor) -> None:
    x, y = torch.randn(4, 7, 5), torch.randn(4, 7, 1)
    weight = torch.tensor([0.2] * 5 + [0.0] * 2)[None, :, None].expand(4, 7, 1)
    padded, cut = (MLPStack(parameters.clone(), WIDTHS, [(1e-2, 0.1)] * 4) for _ in range(2))
    padded.step(x, y, weight)
    cut.step(x[:, :5], y[:, :5], weight[:, :5])
    torch.testing.assert_close(padded.parameters, cut.parameters)


@pytest.mark.parametrize(("n", "batch_size"), [(400, 64), (7, 64), (64, 64), (65, 64), (5, 1), (10, 3)])
def test_every_row_is_seen_once_an_epoch_in_equal_batches(n: int, batch_size: int) -> None:
    rows = Rows(np.arange(float(n))[:, None], np.zeros(n))
    data = sweep._Data([sweep.Task(rows, rows, seed=0)], batch_size, (n, n), CPU)
    orders, sizes = [], []
    for _ in range(2):
        x, _, [positions], [weights] = data.epoch(torch.tensor([0]))
        seen = [x[which[weight[:, 0] > 0], 0] for which, weight in zip(positions, weights, strict=True)]
        sizes = [len(s) for s in seen]
        orders.append(torch.cat(seen).tolist())
        assert all(weight.sum() == pytest.approx(1) for weight in weights)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(n))
    assert n < 7 or orders[0] != orders[1]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size


@pytest.mark.usefixtures("stack")
def test_a_sweep_equals_its_configurations_one_by_one() -> None:
    task = tasks()[0]
    [together] = sweep.train_sweep([task], settings(), "")
    alone = [
        sweep.train_sweep([task], settings(learning_rates=(rate,), weight_decays=(decay,)), "")[0]
        for rate, decay in itertools.product(SMALL["learning_rates"], SMALL["weight_decays"])
    ]
    assert equal(together, min(alone, key=lambda w: w.validation_mse))


@pytest.mark.usefixtures("stack")
def test_a_winner_does_not_depend_on_the_other_tasks_in_the_batch() -> None:
    many = tasks()
    together = sweep.train_sweep(many, settings(), "")
    backwards = sweep.train_sweep(many[::-1], settings(), "")[::-1]
    for task, one, other in zip(many, together, backwards, strict=True):
        [alone] = sweep.train_sweep([task], settings(), "")
        assert equal(one, alone)
        assert equal(other, alone)


@pytest.mark.usefixtures("stack")
def test_tasks_of_other_widths_and_sizes_come_back_in_order() -> None:
    mixed = [*tasks((50, 20)), *tasks((50,), d=4)]
    found = sweep.train_sweep(mixed, settings(), "")
    for task, winner in zip(mixed, found, strict=True):
        assert winner.layers[0][0].shape[0] == task.train.X.shape[1]
        assert equal(winner, sweep.train_sweep([task], settings(), "")[0])


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("processors", [1, 2, 3])
def test_how_models_are_batched_changes_nothing(monkeypatch: pytest.MonkeyPatch, processors: int) -> None:
    whole = sweep.train_sweep(tasks(), settings(), "")
    batches = []
    train = sweep._Training.run
    monkeypatch.setattr(
        sweep._Training, "run", lambda self, *a: (batches.append(len(self._models)), train(self, *a))
    )
    monkeypatch.setattr(sweep, "_BATCH_BYTES", 5 * 16 * parameter_count((3, 16, 8, 1)))
    monkeypatch.setattr(sweep, "worker_count", lambda: processors)
    monkeypatch.setattr(_workers, "worker_count", lambda: processors)
    before = torch.get_num_threads()
    cut = sweep.train_sweep(tasks(), settings(), "")
    assert sorted(batches) == {1: [3, 4, 5], 2: [2, 2, 4, 4], 3: [2, 2, 2, 3, 3]}[processors]
    assert all(map(equal, cut, whole))
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this processor cannot take them for zero")
@pytest.mark.parametrize("processors", [1, 2])
def test_numbers_too_small_for_a_full_mantissa_are_zero_in_training_alone(
    monkeypatch: pytest.MonkeyPatch, processors: int, stack: type[MLPStack | CompiledStack]
) -> None:
    halves = []
    learn, small = stack.learn, torch.tensor(2.0**-130)
    monkeypatch.setattr(sweep, "worker_count", lambda: processors)
    monkeypatch.setattr(_workers, "worker_count", lambda: processors)
    monkeypatch.setattr(
        stack, "learn", lambda self, *rest: (halves.append(float(small * 0.5)), learn(self, *rest))
    )
    sweep.train_sweep(tasks(), settings(), "")
    assert set(halves) == {0.0}
    assert float(small * 0.5) == 2.0**-131


@pytest.mark.usefixtures("stack")
def test_the_best_epoch_is_restored() -> None:
    X, y = wave(60)
    head = MLPHead(**SMALL | {"max_epochs": 60}, batch_size=16, patience=None)
    head.fit(X[:40], y[:40], validation=(X[40:], y[40:]))
    mse = np.mean((head.predict(X[40:]) - y[40:]) ** 2) / y[:40].var()
    assert head.chosen_["validation_mse"] == pytest.approx(mse, rel=1e-3)
    assert head.chosen_["epoch"] < 60


def test_stopping_early_saves_epochs(
    monkeypatch: pytest.MonkeyPatch, stack: type[MLPStack | CompiledStack]
) -> None:
    X, y = wave(40)
    noise = np.random.default_rng(1).normal(size=(20, 3)), np.random.default_rng(2).normal(size=20)
    steps = []
    learn = stack.learn
    monkeypatch.setattr(sweep, "worker_count", lambda: 1)
    monkeypatch.setattr(
        stack, "learn", lambda self, rows: (steps.append(len(self.parameters)), learn(self, rows))
    )
    MLPHead(**SMALL, patience=3, batch_size=40).fit(X, y, validation=noise)
    assert len(steps) <= SMALL["max_epochs"]
    assert sum(steps) < 4 * SMALL["max_epochs"]
    assert steps == sorted(steps, reverse=True)


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("stack")
def test_torch_s_default_precision_is_not_the_sweep_s(request: pytest.FixtureRequest) -> None:
    X, y = wave(60)
    wanted = MLPHead(**SMALL).fit(X, y)
    request.getfixturevalue("float64_by_default")
    compiled_steps_work.cache_clear()
    found = MLPHead(**SMALL).fit(X, y)
    assert compiled_steps_work() == (
        _compiled_stack._kernels is not None and _compiled_stack._kernels.lanes() > 0
    )
    assert found.chosen_ == wanted.chosen_
    assert all(
        np.array_equal(a, b)
        for a, b in zip(itertools.chain(*found.layers_), itertools.chain(*wanted.layers_), strict=True)
    )


@pytest.mark.usefixtures("stack")
def test_models_that_diverge_lose() -> None:
    X, y = wave(80)
    head = MLPHead(hidden=(16,), learning_rates=(1e-2, 1e18), weight_decays=(0.0,), max_epochs=20).fit(X, y)
    assert head.chosen_["learning_rate"] == 1e-2
    hopeless = MLPHead(hidden=(16,), learning_rates=(1e25,), weight_decays=(0.0,), max_epochs=5).fit(X, y)
    assert np.isfinite(hopeless.predict(X)).all()


@pytest.mark.usefixtures("stack")
def test_learns_what_no_line_can() -> None:
    X, _ = wave(300)
    curved = np.sin(2 * X[:, 0]) * X[:, 1]
    head = MLPHead(learning_rates=(5e-3,), weight_decays=(0.0,), max_epochs=60).fit(X[:250], curved[:250])
    assert head.score(X[250:], curved[250:]) > 0.6


def test_seeds_differ_and_global_random_state_is_left_alone() -> None:
    X, y = wave(40)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second = fit_many(MLPHead(**SMALL), [Problem(X, y, random_state=s) for s in (0, 1)])
    assert torch.equal(torch.rand(1), expected)
    assert not np.allclose(first.predict(X), second.predict(X))


def test_random_states_of_scikit_learn_are_accepted() -> None:
    X, y = wave(30)
    predictions = [
        MLPHead(**SMALL, random_state=np.random.RandomState(5)).fit(X, y).predict(X) for _ in range(2)
    ]
    np.testing.assert_array_equal(*predictions)
    head = MLPHead(**SMALL, random_state=np.random.RandomState(5)).fit(X, y)
    loaded = MLPHead.from_state(head.state())
    np.testing.assert_array_equal(loaded.predict(X), predictions[0])
    assert np.isfinite(MLPHead(**SMALL, random_state=None).fit(X, y).predict(X)).all()


@pytest.mark.usefixtures("stack")
def test_hidden_layers_may_be_any_number() -> None:
    X, y = wave(60)
    for hidden in [(), (8,), (8, 8, 8)]:
        head = MLPHead(**SMALL | {"hidden": hidden}).fit(X, y)
        assert [w.shape for w, _ in head.layers_] == list(itertools.pairwise((3, *hidden, 1)))


def test_a_rows_prediction_does_not_hang_on_the_others() -> None:
    X, y = wave(60)
    head = MLPHead(**SMALL).fit(X, y)
    one_by_one = np.concatenate([head.predict(row[None]) for row in X])
    np.testing.assert_allclose(one_by_one, head.predict(X), rtol=1e-12)


def test_it_takes_no_sample_weight() -> None:
    with pytest.raises(TypeError, match="sample_weight"):
        MLPHead(**SMALL).fit(*wave(20), sample_weight=np.ones(20))


def test_a_short_sweep_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    MLPHead(**SMALL).fit(*wave(20))
    assert capsys.readouterr().err.strip() == ""


def test_progress_counts_every_epoch_even_of_those_that_stopped() -> None:
    done = []
    sweep._train_group(tasks(), settings(patience=2), CPU, done.append)
    assert sum(done) == 3 * 4 * SMALL["max_epochs"]


def test_an_interruption_comes_through_and_leaves_no_half_fitted_head(
    monkeypatch: pytest.MonkeyPatch, stack: type[MLPStack | CompiledStack]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    X, y = wave(20)
    head = MLPHead(**SMALL).fit(X, y)
    monkeypatch.setattr(stack, "learn", interrupt)
    with pytest.raises(KeyboardInterrupt):
        head.fit(X, -y)
    with pytest.raises(NotFittedError):
        head.predict(X)


def test_what_trains_beside_a_fit_that_fails_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "worker_count", lambda: 2)
    monkeypatch.setattr(sweep, "worker_count", lambda: 2)
    epochs, began = [], threading.Event()
    train = sweep._Training.run

    def run(self, settings, progress, stopped):
        if self._models[0].learning_rate == SMALL["learning_rates"][0]:
            began.set()
            train(self, settings, lambda done: (epochs.append(done), stopped.wait(2)), stopped)
        else:
            began.wait(5)
            raise ValueError("a fit that fails")

    monkeypatch.setattr(sweep._Training, "run", run)
    with pytest.raises(ValueError, match="a fit that fails"):
        MLPHead(**SMALL | {"learning_rates": SMALL["learning_rates"][:2]}).fit(*wave(20))
    assert len(epochs) == 1  # of the epochs it was to train


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("hidden", (0,)),
        ("learning_rates", ()),
        ("learning_rates", (0.0,)),
        ("weight_decays", ()),
        ("weight_decays", (-1.0,)),
        ("max_epochs", 0),
        ("patience", 0),
        ("batch_size", 0),
    ],
)
def test_settings_that_cannot_train_are_refused(parameter: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{parameter}="):
        MLPHead(**SMALL | {parameter: value}).fit(*wave(20))


class TestGPU:
    """The way that GPUs are given work, on a processor."""

    @pytest.fixture
    def as_on_a_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sweep, "on_processor", lambda _: False)

    def test_it_gives_the_same_models(
        self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        here = sweep.train_sweep(tasks(), settings(), "")
        request.getfixturevalue("as_on_a_gpu")
        there = sweep.train_sweep(tasks(), settings(), "")
        assert all(equal(one, other) for one, other in zip(here, there, strict=True))

    @pytest.mark.usefixtures("as_on_a_gpu")
    def test_all_models_of_all_tasks_train_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes = []
        init = sweep._Training.__init__
        monkeypatch.setattr(sweep._Training, "__init__", lambda *a: sizes.append(len(a[2])) or init(*a))
        sweep.train_sweep(tasks(ALIKE), settings(max_epochs=1), "")
        assert sizes == [3 * 4]

    @pytest.mark.usefixtures("as_on_a_gpu")
    def test_models_beyond_its_memory_train_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        together = sweep.train_sweep(tasks(ALIKE), settings(), "")
        monkeypatch.setattr(sweep, "_GPU_BYTES", 5 * 4 * parameter_count((3, 16, 8, 1)) * 5)
        sizes = []
        init = sweep._Training.__init__
        monkeypatch.setattr(sweep._Training, "__init__", lambda *a: sizes.append(len(a[2])) or init(*a))
        apart = sweep.train_sweep(tasks(ALIKE), settings(), "")
        assert sizes == [4, 4, 4], "whole tasks, as many as there is room for"
        assert all(equal(one, other) for one, other in zip(together, apart, strict=True))

    @pytest.mark.parametrize("at_once", [1, 3, 4, 7, 8, 11, 12, 40])
    def test_batches_are_of_whole_tasks_where_one_fits(self, at_once: int) -> None:
        grid = [(rate, decay) for rate in (0.1, 0.2) for decay in (0.0, 1.0)]
        batches = sweep._batches(3, grid, at_once, by_rates=True)
        models = [model for batch in batches for model in batch]
        assert sorted(models) == sorted(sweep._Model(task, *rates) for task in range(3) for rates in grid)
        assert max(map(len, batches)) <= at_once
        for task in range(3):
            assert [(m.learning_rate, m.weight_decay) for m in models if m.task == task] == grid
            homes = {i for i, batch in enumerate(batches) if any(m.task == task for m in batch)}
            assert len(homes) == 1 or at_once < len(grid)

    @pytest.mark.parametrize("models", [[0], [1, 3], [0, 1, 2, 3]])
    def test_both_ways_to_update_are_one(
        self, models: list[int], parameters: torch.Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rates = [(1e-2, 0.0), (1e-2, 0.0), (1e-3, 0.5), (1e-1, 0.1)]
        x, y, weight = torch.randn(4, 7, 5), torch.randn(4, 7, 1), torch.full((1, 7, 1), 1 / 7)
        stacks = [MLPStack(parameters.clone(), WIDTHS, rates)]
        monkeypatch.setattr(_stack, "_FUSED", ())
        stacks.append(MLPStack(parameters.clone(), WIDTHS, rates))
        for stack in stacks:
            stack.step(x, y, weight)
            stack.keep(torch.tensor(models))
            for _ in range(5):
                stack.step(x[models], y[models], weight)
        torch.testing.assert_close(stacks[0].parameters, stacks[1].parameters, rtol=1e-4, atol=1e-6)

    def test_a_device_that_is_not_here_is_refused(self) -> None:
        X, y = wave(20)
        with pytest.raises(UsageError, match="device 'abacus'.*device='auto'"):
            MLPHead(**SMALL, device="abacus").fit(X, y)


class TestBfloat16:
    def test_a_step_is_that_of_float32_but_for_rounding(self, parameters: torch.Tensor) -> None:
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(1, 16, WIDTHS[0], generator=generator).expand(len(parameters), -1, -1)
        y, weight = torch.randn(1, 16, 1, generator=generator), torch.full((1, 16, 1), 1 / 16)
        rates = [(1e-2, 0.1)] * len(parameters)
        exact, rough = (MLPStack(parameters.clone(), WIDTHS, rates, dtype) for dtype in HALVES)
        for _ in range(5):
            exact.step(x, y, weight)
            rough.step(x.to(torch.bfloat16), y, weight)
        before, after = exact.predict(x), rough.predict(x)
        assert rough.parameters.dtype == after.dtype == torch.float32
        assert not torch.equal(exact.parameters, rough.parameters)
        torch.testing.assert_close(after, before, rtol=0.05, atol=0.05)

    def test_models_that_stay_train_on(self, parameters: torch.Tensor) -> None:
        x, y = torch.randn(1, 8, WIDTHS[0]), torch.randn(1, 8, 1)
        weight = torch.full((1, 8, 1), 1 / 8)
        rates = [(1e-2, 0.1)] * len(parameters)
        all_of_them, some = (MLPStack(parameters.clone(), WIDTHS, rates, torch.bfloat16) for _ in range(2))
        stay = torch.tensor([0, 2])
        for stack, let_go in ((all_of_them, False), (some, True)):
            stack.step(x.to(torch.bfloat16).expand(len(parameters), -1, -1), y, weight)
            if let_go:
                stack.keep(stay)
            stack.step(x.to(torch.bfloat16).expand(len(stack.parameters), -1, -1), y, weight)
        torch.testing.assert_close(some.parameters, all_of_them.parameters[stay])

    def test_it_learns_as_well(self) -> None:
        X, y = wave(400)
        taught = [MLPHead(**SMALL, dtype=dtype).fit(X[:300], y[:300]) for dtype in ("float32", "bfloat16")]
        exact, rough = (head.score(X[300:], y[300:]) for head in taught)
        assert rough != exact
        assert rough > exact - 0.02 > 0.8

    @pytest.mark.parametrize("hidden", [(), (8,), (8, 8, 8)])
    def test_hidden_layers_may_be_any_number(self, hidden: tuple[int, ...]) -> None:
        X, y = wave(60)
        head = MLPHead(**{**SMALL, "hidden": hidden}, dtype="bfloat16").fit(X, y)
        assert all(weights.dtype == np.float32 for weights, _ in head.layers_)
        assert np.isfinite(head.predict(X)).all()

    @pytest.mark.parametrize("fastest", ["float32", "bfloat16"])
    def test_auto_is_what_is_fastest_here(self, monkeypatch: pytest.MonkeyPatch, fastest: str) -> None:
        asked = []
        monkeypatch.setattr(
            "embedreg.core.precision.faster_dtype", lambda what, *_: asked.append(what) or fastest
        )
        assert settings(dtype="auto", hidden=(16, 8), batch_size=20).dtype == fastest
        assert asked == ["training of 16-8 on 20 rows"]

    @pytest.mark.measures_precision
    @pytest.mark.parametrize("batch_size", [16, 10**10])
    @pytest.mark.parametrize("hidden", [(16, 8), (), (10**6,)])
    def test_a_step_is_measured_in_both(self, hidden: tuple[int, ...], batch_size: int) -> None:
        assert settings(dtype="auto", hidden=hidden, batch_size=batch_size).dtype in ("float32", "bfloat16")
        [(key, kept)] = json.loads((cache_root() / "precision.json").read_text()).items()
        assert "training of " in key
        assert 0 < kept["speedup"] < 1000

    def test_other_precisions_are_refused(self) -> None:
        with pytest.raises(UsageError, match="bfloat16"):
            settings(dtype="float16")
