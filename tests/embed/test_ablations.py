"""A model taken apart: random weights, no forward pass, other layers, other poolings, prompts, precisions."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from embedreg import TextEmbedder
from embedreg.core import precision
from embedreg.core.errors import ModelError, UsageError
from embedreg.core.paths import cache_root
from embedreg.embed import TransformerEmbedder, make_embedder

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["adam", '{"lr": 0.001, "size": 64}', "the model trains with a layer of units and dropout " * 12, ""]


def embed(embedder, texts=TEXTS) -> np.ndarray:
    vectors = np.full((len(texts), embedder.dimension), np.nan, dtype=np.float32)
    for positions, part in embedder.embed_batches(texts):
        vectors[positions] = part
    return vectors


def states_of(path: Path, text: str) -> list[np.ndarray]:
    """Every layer's states (t, d) of one short text."""
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    with torch.no_grad():
        output = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    return [state[0].numpy() for state in output.hidden_states]


@pytest.fixture
def without_weights(tmp_path, tiny_bert):
    path = tmp_path / "bare"
    shutil.copytree(tiny_bert, path, ignore=shutil.ignore_patterns("*.safetensors"))
    return path


class TestRandomWeights:
    def test_are_the_architectures_own_from_the_seed_and_read_no_file(self, without_weights):
        from transformers import AutoConfig

        torch.manual_seed(5)
        model = AutoModel.from_config(AutoConfig.from_pretrained(without_weights)).eval()
        ids = AutoTokenizer.from_pretrained(without_weights)("adam", return_tensors="pt")
        with torch.no_grad():
            expected = model(**ids).last_hidden_state[0].mean(dim=0).numpy()

        got = embed(TransformerEmbedder(without_weights, weights="random", seed=5), ["adam"])[0]

        np.testing.assert_allclose(got, expected, atol=1e-6)

    @pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_t5"])
    def test_follow_the_seed_alone(self, model, request):
        path = request.getfixturevalue(model)
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = embed(TransformerEmbedder(path, weights="random", seed=1))
        assert torch.equal(before, torch.random.get_rng_state()), "the global state is as it was"

        torch.manual_seed(99)
        np.testing.assert_array_equal(embed(TransformerEmbedder(path, weights="random", seed=1)), first)
        assert not np.allclose(embed(TransformerEmbedder(path, weights="random", seed=2)), first)
        assert not np.allclose(embed(TransformerEmbedder(path)), first)

    def test_fingerprint(self, tiny_bert):
        plain, zero, one = (
            TransformerEmbedder(tiny_bert, **settings).fingerprint()
            for settings in ({}, {"weights": "random"}, {"weights": "random", "seed": 1})
        )

        assert (zero["weights"], zero["seed"], one["seed"]) == ("random", 0, 1)
        assert "torch" in zero["initialised_by"]
        assert "seed" not in plain

    def test_a_seed_without_random_weights_is_refused(self, tiny_bert):
        with pytest.raises(UsageError, match="seed=3 with weights='pretrained'"):
            TransformerEmbedder(tiny_bert, seed=3)

    def test_t5_sums_its_feed_forward_outputs_in_float32(self, tiny_t5):
        embedder = TransformerEmbedder(tiny_t5, weights="random", dtype="bfloat16", device="cpu")
        model = embedder._loaded.network.model
        outputs = [part for name, part in model.named_modules() if name.endswith(".wo")]
        kinds = []
        for part in outputs:
            part.register_forward_hook(lambda _part, _given, found: kinds.append(found.dtype))

        [(_, vectors)] = embedder.embed_batches(["adam"])

        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
        assert kinds == [torch.float32] * len(outputs)
        assert np.isfinite(vectors).all()


class TestLookUpAlone:
    @pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_t5", "tiny_gpt2"])
    def test_is_the_mean_of_the_vocabularys_vectors(self, model, request):
        path = request.getfixturevalue(model)
        table = AutoModel.from_pretrained(path).get_input_embeddings().weight.detach().numpy()
        ids = AutoTokenizer.from_pretrained(path)("adam and dropout")["input_ids"]

        embedder = TransformerEmbedder(path, forward=False)

        np.testing.assert_allclose(
            embed(embedder, ["adam and dropout"])[0], table[ids].mean(axis=0), atol=1e-6
        )
        kept = vars(embedder._loaded.network).values()
        assert [v.shape for v in kept if isinstance(v, torch.Tensor)] == [table.shape]
        assert not [v for v in kept if isinstance(v, torch.nn.Module)], "nothing but the table is kept"

    def test_order_of_the_words_does_not_matter(self, tiny_llama):
        one, other = embed(TransformerEmbedder(tiny_llama, forward=False), [" adam sgd", " sgd adam"])

        np.testing.assert_allclose(one, other, atol=1e-6)

    def test_has_no_layers_to_choose(self, tiny_bert):
        with pytest.raises(UsageError, match="layers='all' with forward=False"):
            TransformerEmbedder(tiny_bert, forward=False, layers="all")


@pytest.mark.parametrize(
    ("layers", "reference"),
    [
        ("1-2", lambda s: np.concatenate([s[1].mean(0), s[2].mean(0)])),
        ("0-1", lambda s: np.concatenate([s[0].mean(0), s[1].mean(0)])),
        ("2-2", lambda s: s[2].mean(0)),
        ("mean", lambda s: (s[1] + s[2]).mean(0) / 2),
        ("mean:0-2", lambda s: (s[0] + s[1] + s[2]).mean(0) / 3),
    ],
)
def test_several_layers(tiny_bert, layers, reference):
    embedder = TransformerEmbedder(tiny_bert, layers=layers)
    expected = reference(states_of(tiny_bert, "learning rate"))

    assert embedder.dimension == len(expected)
    np.testing.assert_allclose(embed(embedder, ["learning rate"])[0], expected, atol=1e-5)


def test_layers_are_averaged_before_the_greatest_is_taken(tiny_bert):
    states = states_of(tiny_bert, "learning rate")

    got = embed(TransformerEmbedder(tiny_bert, layers="mean", pooling="max"), ["learning rate"])[0]

    np.testing.assert_allclose(got, ((states[1] + states[2]) / 2).max(axis=0), atol=1e-5)


@pytest.mark.parametrize("layers", ["1-3", "2-1", "mean:", "mean:1", "-1-2", "1:2", "", "1-", "middle"])
def test_layers_that_are_not_there(tiny_bert, layers):
    with pytest.raises(UsageError, match=r"expected 'last'.*'0-2'"):
        TransformerEmbedder(tiny_bert, layers=layers)


def test_weighted_is_the_formula_over_the_whole_text(tiny_llama):
    """Token i of n weighs i over the sum, across windows; each window is a text of its own to the model."""
    text = "the model trains with dropout and adam "
    ids = AutoTokenizer.from_pretrained(tiny_llama)(text)["input_ids"]
    model = AutoModel.from_pretrained(tiny_llama).eval()
    with torch.no_grad():
        parts = [model(torch.tensor([ids[i : i + 5]])).last_hidden_state[0] for i in range(0, len(ids), 5)]
    tokens = torch.cat(parts).numpy()
    weights = np.arange(1, len(ids) + 1)
    assert len(parts) >= 3

    got = embed(TransformerEmbedder(tiny_llama, pooling="weighted", window=5), ["adam", text])[1]

    np.testing.assert_allclose(got, weights @ tokens / weights.sum(), atol=1e-5)


class TestPublishedPooling:
    @pytest.fixture
    def published(self, tmp_path, tiny_bert):
        path = tmp_path / "published"
        shutil.copytree(tiny_bert, path)

        def write(settings, *behind):
            kinds = ["Transformer", "Pooling", *behind]
            modules = [{"idx": i, "path": f"{i}_{k}", "type": f"x.models.{k}"} for i, k in enumerate(kinds)]
            (path / "modules.json").write_text(json.dumps(modules))
            (path / "1_Pooling").mkdir()
            (path / "1_Pooling" / "config.json").write_text(json.dumps(settings))
            return path

        return write

    @pytest.mark.parametrize(
        ("settings", "name"),
        [
            ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "first"),
            ({"pooling_mode_mean_tokens": True, "word_embedding_dimension": 32}, "mean"),
            ({"pooling_mode": "lasttoken"}, "last"),
            ({"pooling_mode_weightedmean_tokens": True}, "weighted"),
        ],
    )
    def test_is_read_and_offered_and_never_applied_by_itself(self, published, tiny_bert, settings, name):
        path = published(settings)

        np.testing.assert_array_equal(
            embed(TransformerEmbedder(path, pooling="model")), embed(TransformerEmbedder(path, pooling=name))
        )
        np.testing.assert_array_equal(embed(TransformerEmbedder(path)), embed(TransformerEmbedder(tiny_bert)))
        assert f"its authors pool by {name}" in repr(TransformerEmbedder(path))

    def test_normalised(self, published):
        embedder = TransformerEmbedder(published({"pooling_mode": "mean"}, "Normalize"), pooling="model")

        vectors = embed(embedder)

        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert embedder.fingerprint()["normalised"] is True

    @pytest.mark.parametrize(
        ("settings", "behind", "message"),
        [
            ({"pooling_mode": "mean"}, ["Dense", "Normalize"], "the module Dense"),
            (
                {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True},
                [],
                "max_tokens and pooling_mode_mean",
            ),
            ({"pooling_mode": "mean_sqrt_len_tokens"}, [], "mean_sqrt"),
            ({"pooling_mode": "mean", "include_prompt": False}, [], "leaves out the prompt"),
            ({}, [], "without a name"),
        ],
    )
    def test_what_is_not_done_here_is_refused(self, published, settings, behind, message):
        path = published(settings, *behind)

        with pytest.raises(UsageError, match=message):
            TransformerEmbedder(path, pooling="model")
        assert "authors" not in repr(TransformerEmbedder(path))

    def test_a_directory_that_says_nothing(self, tiny_bert):
        with pytest.raises(UsageError, match="does not say how its authors pool"):
            TransformerEmbedder(tiny_bert, pooling="model")

    def test_an_unreadable_file(self, published):
        path = published({"pooling_mode": "mean"})
        (path / "modules.json").write_text("{")

        with pytest.raises(ModelError, match=r"unreadable .*modules\.json"):
            TransformerEmbedder(path, pooling="model")


class TestPrompt:
    def test_stands_before_each_text(self, tiny_bert):
        prompted = embed(TransformerEmbedder(tiny_bert, prompt="query: "))

        np.testing.assert_allclose(
            prompted, embed(TransformerEmbedder(tiny_bert), [f"query: {text}" for text in TEXTS]), atol=1e-6
        )

    def test_counts_as_tokens_and_is_in_the_fingerprint(self, tiny_bert):
        plain, prompted = TransformerEmbedder(tiny_bert), TransformerEmbedder(tiny_bert, prompt="the ")

        assert prompted.count_tokens(["adam"])[0] > plain.count_tokens(["adam"])[0]
        assert prompted.fingerprint() == {**plain.fingerprint(), "prompt": "the "}


@pytest.mark.measures_precision
class TestPrecision:
    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [((1.0, 0.5), "bfloat16"), ((1.0, 0.9), "float32"), ((1.0, float("inf")), "float32")],
    )
    def test_auto_is_measured_once_and_kept(self, tiny_bert, monkeypatch, seconds, expected):
        measured = iter([seconds])
        monkeypatch.setattr(precision, "_seconds", lambda *_, **__: next(measured))

        chosen = [TransformerEmbedder(tiny_bert, dtype="auto").fingerprint() for _ in range(2)]

        assert list(measured) == [], "once for both embedders"
        assert chosen[0] == chosen[1] == TransformerEmbedder(tiny_bert, dtype=expected).fingerprint()
        [(key, kept)] = json.loads((cache_root() / "precision.json").read_text()).items()
        assert "products 32 wide" in key
        assert kept["dtype"] == expected

    @pytest.mark.parametrize("packed", [True, False])
    def test_both_precisions_are_measured(self, packed):
        make = functools.partial(precision._product, width=32, device=torch.device("cpu"), packed=packed)
        slow, fast = precision._seconds(make, torch.device("cpu"))
        assert 0 < slow < 1
        assert 0 < fast < 1

    def test_a_precision_without_kernels_is_never_chosen(self, monkeypatch):
        def refuse(*_, **__):
            raise RuntimeError("not implemented for 'BFloat16'")

        monkeypatch.setattr(torch.nn.functional, "linear", refuse)
        make = functools.partial(precision._product, width=32, device=torch.device("cpu"), packed=False)
        assert precision._seconds(make, torch.device("cpu")) == (float("inf"), float("inf"))

    def test_choosing_imports_no_transformers(self, tiny_bert):
        script = """
import sys
from embedreg.embed import TransformerEmbedder
from pathlib import Path
print(TransformerEmbedder(Path(sys.argv[1]), dtype="auto").fingerprint()["dtype"], "transformers" in sys.modules)
"""
        told = subprocess.run(
            [sys.executable, "-c", script, str(tiny_bert)], capture_output=True, text=True, check=True
        )
        assert told.stdout.split()[1] == "False"

    def test_auto_for_real(self, tiny_llama):
        embedder = TransformerEmbedder(tiny_llama, dtype="auto")

        assert embed(embedder).shape == (4, 32)
        assert embedder.fingerprint()["dtype"] in ("float32", "bfloat16")

    @pytest.mark.parametrize("content", ["not json", "[]", '{"x": 1}'])
    def test_a_damaged_file_costs_a_measurement_and_no_more(self, tiny_bert, content):
        cache_root().mkdir(exist_ok=True)
        (cache_root() / "precision.json").write_text(content)

        assert TransformerEmbedder(tiny_bert, dtype="auto").fingerprint()["dtype"] != "auto"

    def test_a_cache_that_cannot_be_written_costs_no_more_either(self, tiny_bert, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path / "file"))

        assert TransformerEmbedder(tiny_bert, dtype="auto").fingerprint()["dtype"] != "auto"

    def test_a_look_up_multiplies_nothing_and_stays_exact(self, tiny_bert, monkeypatch):
        monkeypatch.setattr(precision, "_seconds", lambda *_, **__: (1.0, 0.1))

        assert TransformerEmbedder(tiny_bert).fingerprint()["dtype"] == "bfloat16"
        assert TransformerEmbedder(tiny_bert, forward=False).fingerprint()["dtype"] == "float32"

    def test_what_a_string_says_goes_before_the_default(self, tiny_bert, monkeypatch):
        monkeypatch.setattr(precision, "_seconds", lambda *_, **__: (1.0, 0.1))
        exact = TextEmbedder(f"{tiny_bert}?dtype=float32").restore()

        assert exact.embedder_.fingerprint()["dtype"] == "float32"
        assert TextEmbedder(tiny_bert).restore().embedder_.fingerprint()["dtype"] == "bfloat16"

    def test_float16_is_for_gpus(self, tiny_bert):
        with pytest.raises(UsageError, match="dtype 'float16' on a CPU"):
            TransformerEmbedder(tiny_bert, dtype="float16", device="cpu")
        if not torch.cuda.is_available() and not torch.backends.mps.is_available():
            with pytest.raises(UsageError, match="dtype 'float16' on a CPU"):
                embed(TransformerEmbedder(tiny_bert, dtype="float16"))


class TestMemory:
    @pytest.fixture
    def small_gpu(self, tiny_bert, monkeypatch):
        """An embedder whose device has room for so many tokens, and is no processor."""
        sizes = []
        for module in ("_transformer", "_forward_passes"):
            monkeypatch.setattr(f"embedreg.embed.{module}.on_processor", lambda _device: False)

        def make(room):
            embedder = TransformerEmbedder(tiny_bert, batch_tokens=512)
            network = embedder._loaded.network

            states = network.states

            def checked(batch, indices):
                sizes.append(batch.ids.numel())
                if batch.ids.numel() > room:
                    raise torch.OutOfMemoryError("CUDA out of memory")
                return states(batch, indices)

            monkeypatch.setattr(network, "states", checked)
            return embedder

        return make, sizes

    def test_running_out_of_it_halves_the_batches_and_goes_on(self, small_gpu, tiny_bert):
        make, sizes = small_gpu
        texts = ["learning rate " * n for n in range(1, 40)]
        embedder = make(130)

        vectors = embed(embedder, texts)

        np.testing.assert_allclose(vectors, embed(TransformerEmbedder(tiny_bert), texts), atol=1e-5)
        failures = [size for size in sizes if size > 130]
        assert 1 <= len(failures) <= 3, "what was learnt is kept"
        assert embedder._passes.budget < 512

    def test_one_window_that_does_not_fit_is_an_error_that_says_so(self, small_gpu):
        with pytest.raises(ModelError, match=r"no memory on cpu for one window of \d+ tokens"):
            embed(small_gpu[0](2), ["learning rate of the model"])


def test_a_network_that_takes_no_mask_sees_no_padding(tmp_path, tiny_bert):
    from transformers import FNetConfig, FNetModel

    torch.manual_seed(0)
    config = FNetConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, intermediate_size=64, max_position_embeddings=64,
        pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    FNetModel(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path)
    embedder = TransformerEmbedder(tmp_path)

    together = embed(embedder)

    assert not embedder._loaded.network.takes_mask
    np.testing.assert_allclose(together, np.concatenate([embed(embedder, [t]) for t in TEXTS]), atol=1e-5)


def test_everything_fits_in_the_models_string(tiny_bert):
    settings = "weights=random&seed=1&layers=1-2&pooling=weighted&prompt=query:%20&dtype=bfloat16"
    written = make_embedder(f"{tiny_bert}?{settings}")
    given = make_embedder(
        tiny_bert,
        weights="random",
        seed=1,
        layers="1-2",
        pooling="weighted",
        prompt="query: ",
        dtype="bfloat16",
    )

    assert written.fingerprint() == given.fingerprint()
    assert repr(written) == repr(given)
    assert "weights='random', seed=1, prompt='query: '" in repr(written)
    assert make_embedder(f"{tiny_bert}?forward=false").fingerprint()["forward"] is False


@pytest.mark.parametrize("setting", ["forward=no", "seed=one", "batch_tokens=-3", "weights=none", "sed=1"])
def test_a_setting_that_cannot_be_read(tiny_bert, setting):
    with pytest.raises(UsageError, match=r"expected (true or false|a whole number|one of)"):
        make_embedder(f"{tiny_bert}?{setting}")


def test_random_weights_leave_the_randomness_of_gpus_alone(tiny_bert, monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)

    embed(TransformerEmbedder(tiny_bert, weights="random", seed=7), ["adam"])

    assert not seeded
