"""Tokens a second of embedding on a GPU, ours beside its peers, and the share of the GPU's peak that they reach.

Peers read a part of the texts, as they take longer; what is compared is tokens a second.
"""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.speed._gpu import PEAK_SIZE, busy_share, gpu, gpu_peak, release, wait
from benchmarks.speed._gpu_models import MODELS, GpuModel, flop, small
from benchmarks.speed._options import OURS, Found, Options, Row
from benchmarks.speed._texts import TextSet, text_sets
from benchmarks.speed._timing import in_turn, seconds
from benchmarks.speed.embedding import least_cosine
from embedreg.embed import TransformerEmbedder, embed_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

PEER_SHARE = 4  # peers read a quarter
COMPARED = 16  # texts whose vectors are compared
BATCH_SIZES = (32, 128, 512)
WINDOW = 512
_DTYPES = ("bfloat16", "float32")
_LOOP = "transformers loop, bfloat16, tuned batches"


@dataclass(frozen=True)
class Engine:
    """A way to embed on a GPU: its name, what it multiplies in, texts to vectors, its batch size, whether weights are ours and padding is left out."""

    name: str
    precision: str
    embed: Embed
    sizes: dict[str, Any] | None = None
    same_weights: bool = True
    packs: bool = False


def measure(options: Options) -> Found:
    device = gpu(options)
    rows: list[Row] = []
    left_out: dict[str, str] = {}
    size = options.size(PEAK_SIZE, 64)
    with tempfile.TemporaryDirectory() as scratch:
        sets: dict[int, list[TextSet]] = {}
        for usual in MODELS:
            model = options.size(usual, small(usual))
            directory = model.directory(options.directory, Path(scratch))
            counter = TransformerEmbedder(options.directory, device="cpu", window=WINDOW)
            if model.tokens not in sets:
                sets[model.tokens] = text_sets(counter, model.tokens)
            chosen = [sets[model.tokens][i] for i in model.sets]
            for engine in engines(model, directory, device, left_out):
                rows += _engine_rows(engine, model, directory, chosen, options, device)
                del engine
                release(device)
    peaks = {precision: gpu_peak(precision, size, device) for precision in _DTYPES}
    settings = {"matrix": size, "peaks": peaks, "compared": COMPARED, "window": WINDOW}
    return Found(_with_cosines(rows), left_out, settings)


def _engine_rows(
    engine: Engine, model: GpuModel, directory: Path, sets: list[TextSet], options: Options, device: str
) -> list[Row]:
    """Return a row for each set of texts, with the vectors of some of them; of large models float32 gives those alone."""
    rows: list[Row] = []
    for texts in sets:
        about = {
            "model": model.name,
            "texts": texts.name,
            "engine": engine.name,
            "precision": engine.precision,
        }
        vectors = engine.embed(texts.texts[:COMPARED]) if engine.same_weights else None
        if engine.precision == "float32" and model.config is not None:
            rows.append(about | {"vectors": vectors})
            continue
        ours = engine.name == f"{OURS} bfloat16"
        share = 1 if ours else PEER_SHARE
        some, tokens = texts.texts[::share], texts.tokens[::share]
        engine.embed(some[: 4 * COMPARED])  # the warm-up
        wait(device)
        batch_size = _tuned(engine, some[: -(-len(some) // 2)]) if engine.sizes is not None else None
        taken = in_turn({engine.name: functools.partial(engine.embed, some)}, options.pairs)[engine.name]
        row = about | {
            "count": len(some),
            "tokens": sum(tokens),
            "flop": flop(directory, tokens),
            "seconds": taken,
            "packed": engine.packs,
            "vectors": vectors,
        }
        if ours:
            row["busy"] = busy_share(functools.partial(engine.embed, some), device)
        if batch_size is not None:
            row["batch_size"] = batch_size
        rows.append(row)
        rate = row["tokens"] / min(taken)
        print(
            f"{model.name}: {texts.name}: {engine.name}: {rate:,.0f} tokens/s, {row['flop'] / min(taken) / 1e12:.1f} TFLOP/s",
            flush=True,
        )
    return rows


def _tuned(engine: Engine, texts: Sequence[str]) -> int:
    """Choose the batch size that is fastest on some texts."""
    assert engine.sizes is not None
    taken = {}
    for size in BATCH_SIZES:
        engine.sizes["batch_size"] = size
        taken[size] = min(seconds(lambda: engine.embed(texts)) for _ in range(2))
    engine.sizes["batch_size"] = min(taken, key=taken.__getitem__)
    return int(engine.sizes["batch_size"])


def engines(model: GpuModel, directory: Path, device: str, left_out: dict[str, str]) -> Iterator[Engine]:
    """Yield the engines one by one, so that but one of them holds memory on the GPU."""
    for dtype in _DTYPES:
        weights = "pretrained" if model.config is None else "random"
        embedder = TransformerEmbedder(directory, device=device, window=WINDOW, dtype=dtype, weights=weights)
        torch.manual_seed(0)  # the embedder seeds the processor's generator alone
        with torch.device(device):  # where random weights are drawn
            embed_texts(embedder, ["once"], progress=False)
        embed = functools.partial(embed_texts, embedder, progress=False)
        yield Engine(f"{OURS} {dtype}", dtype, embed, packs=embedder._loaded.network.packs)
        del embedder, embed
    for name, make in _PEERS.items():
        if name.startswith("sentence-transformers") and model.config is not None:
            continue  # it wants weights in files
        try:
            yield make(directory, device)
        except Exception as error:  # a peer may refuse a model or a release of another package in any way
            left_out[name] = f"{error}".splitlines()[0][:200] if f"{error}" else type(error).__name__


def _sentence_transformers(directory: Path, device: str) -> Engine:
    model = _sentence_transformer(directory, device)
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    return Engine(
        "sentence-transformers, defaults", dtype, functools.partial(model.encode, show_progress_bar=False)
    )


def _sentence_transformers_best(directory: Path, device: str) -> Engine:
    model = _sentence_transformer(directory, device, model_kwargs={"torch_dtype": "bfloat16"})
    chosen: dict[str, Any] = {}

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(list(texts), show_progress_bar=False, **chosen), dtype=np.float32)

    return Engine("sentence-transformers, bfloat16, tuned batches", "bfloat16", embed, chosen)


def _sentence_transformer(directory: Path, device: str, **more: Any) -> Any:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 (it may be missing)

    model = SentenceTransformer(str(directory), device=device, local_files_only=True, **more)
    model.max_seq_length = WINDOW
    return model


def transformers_loop(
    directory: Path, device: str, name: str = _LOOP, change: Callable[[Any], Any] = lambda model: model
) -> Engine:
    """The same architecture of transformers in bfloat16: padded batches sorted by length, the mean over real tokens."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer, T5EncoderModel  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(directory)
    config = AutoConfig.from_pretrained(directory)
    torch.manual_seed(0)  # the seed of ours
    with torch.device(device):
        if any(directory.glob("*.safetensors")):
            model = AutoModel.from_pretrained(directory)
        elif config.model_type == "t5":
            model = T5EncoderModel(config)
        else:
            model = AutoModel.from_config(config)
    model = change(model.to(device, torch.bfloat16).eval())
    chosen: dict[str, Any] = {"batch_size": BATCH_SIZES[0]}

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        size = chosen["batch_size"]
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        parts = [
            batch([texts[i] for i in order[start : start + size]]) for start in range(0, len(order), size)
        ]
        found = np.empty((len(texts), parts[0].shape[1]), np.float32)
        found[order] = np.concatenate(parts)
        return found

    def batch(texts: list[str]) -> NDArray[np.float32]:
        read = tokenizer(texts, padding=True, truncation=True, max_length=WINDOW, return_tensors="pt").to(
            device
        )
        states = model(input_ids=read["input_ids"], attention_mask=read["attention_mask"]).last_hidden_state
        weights = read["attention_mask"][..., None]
        pooled = (states * weights).sum(dim=1, dtype=torch.float32) / weights.sum(dim=1)
        return np.asarray(pooled.cpu().numpy())

    return Engine(
        name, "bfloat16", embed, chosen, same_weights=config.model_type != "t5"
    )  # others are drawn there


_PEERS = {
    "sentence-transformers, defaults": _sentence_transformers,
    "sentence-transformers, bfloat16, tuned batches": _sentence_transformers_best,
    _LOOP: transformers_loop,
}


def _with_cosines(rows: list[Row]) -> list[Row]:
    """Put in place of vectors the least cosine of any to that of ours in float32."""
    wanted = {(r["model"], r["texts"]): r["vectors"] for r in rows if r["engine"] == f"{OURS} float32"}
    found = []
    for row in rows:
        vectors = row.pop("vectors")
        reference = wanted[row["model"], row["texts"]]
        if "seconds" in row:
            found.append(row | {"cosine": None if vectors is None else least_cosine(vectors, reference)})
    return found
