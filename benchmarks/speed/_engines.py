"""Ways to embed texts with the same weights: ours, and those of peers that are installed.

Every engine has the same model directory, window and threads. Vectors are the mean over a text's tokens; those of
sentence-transformers are scaled to length one besides, by its model's last module.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.speed._options import OURS
from benchmarks.speed._timing import seconds
from embedreg.embed import TransformerEmbedder, embed_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Embed = "Callable[[Sequence[str]], NDArray[np.float32]]"
BATCH_SIZES = (4, 8, 16, 32, 64, 128)
_LOOP_BATCH = 32
_TEMPLATE = "chat_template.jinja"
_ONNX_BATCH = 256  # fastembed's own


@dataclass(frozen=True)
class Setting:
    """What every engine is given; `scratch` is a folder for what is exported."""

    directory: Path
    window: int
    threads: int
    scratch: Path


@dataclass(frozen=True)
class Engine:
    """A way to embed.

    Attributes
    ----------
    name
        For tables.
    precision
        What it multiplies in.
    embed
        Texts to vectors (n, d).
    tune
        Chooses a batch size on some texts and returns it; None where there is nothing to choose.
    """

    name: str
    precision: str
    embed: Callable[[Sequence[str]], NDArray[np.float32]]
    tune: Callable[[Sequence[str]], int] | None = None


class NotHereError(Exception):
    """An engine cannot be run here, or need not be."""


def ours(setting: Setting, dtype: str) -> Engine:
    embedder = TransformerEmbedder(setting.directory, device="cpu", window=setting.window, dtype=dtype)
    precision = str(embedder.fingerprint()["dtype"])
    if dtype == "auto" and precision in ("float32", "bfloat16"):
        raise NotHereError(f"it is {precision} here")
    return Engine(f"{OURS} {dtype}", precision, functools.partial(embed_texts, embedder, progress=False))


def sentence_transformers(setting: Setting) -> Engine:
    model = _sentence_transformer(setting, setting.directory)
    return Engine(
        "sentence-transformers, defaults", "float32", functools.partial(model.encode, show_progress_bar=False)
    )


def sentence_transformers_best(setting: Setting) -> Engine:
    """In bfloat16, with the batch size that is fastest on a part of the texts."""
    model = _sentence_transformer(setting, setting.directory, model_kwargs={"torch_dtype": "bfloat16"})
    chosen = {"batch_size": _LOOP_BATCH}

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(texts, show_progress_bar=False, **chosen), dtype=np.float32)

    def tune(texts: Sequence[str]) -> int:
        taken = {}
        for size in BATCH_SIZES:
            chosen["batch_size"] = size
            taken[size] = min(seconds(lambda: embed(texts)) for _ in range(2))
        chosen["batch_size"] = min(taken, key=taken.__getitem__)
        return chosen["batch_size"]

    return Engine("sentence-transformers, bfloat16, tuned batches", "bfloat16", embed, tune)


def sentence_transformers_onnx(setting: Setting) -> Engine:
    import onnxruntime

    session = onnxruntime.SessionOptions()
    session.intra_op_num_threads = setting.threads
    model = _sentence_transformer(
        setting,
        _exported(setting, "onnx"),
        backend="onnx",
        model_kwargs={"provider": "CPUExecutionProvider", "session_options": session},
    )
    return Engine(
        "sentence-transformers, ONNX", "float32", functools.partial(model.encode, show_progress_bar=False)
    )


def sentence_transformers_openvino(setting: Setting) -> Engine:
    """In the precision that OpenVINO chooses by itself: bfloat16 on processors that have it."""
    model = _sentence_transformer(
        setting,
        _exported(setting, "openvino"),
        backend="openvino",
        model_kwargs={"ov_config": {"INFERENCE_NUM_THREADS": setting.threads}},
    )
    model.encode(["compiled at the first text"])
    compiled = model[0].auto_model.request
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    name = {"bf16": "bfloat16", "f32": "float32"}.get(precision, precision)
    return Engine(
        "sentence-transformers, OpenVINO", name, functools.partial(model.encode, show_progress_bar=False)
    )


def onnx_loop(setting: Setting) -> Engine:
    """ONNX Runtime and the tokenizer alone, in the order and the batches of fastembed."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    graph = _exported(setting, "onnx") / "onnx" / "model.onnx"
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    wanted = {given.name for given in session.get_inputs()}
    tokenizer = Tokenizer.from_file(str(setting.directory / "tokenizer.json"))
    tokenizer.enable_truncation(setting.window)
    tokenizer.enable_padding()

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([batch(texts[i : i + _ONNX_BATCH]) for i in range(0, len(texts), _ONNX_BATCH)])

    def batch(texts: Sequence[str]) -> NDArray[np.float32]:
        read = tokenizer.encode_batch(list(texts))
        ids, mask = (
            np.array([getattr(one, name) for one in read], dtype=np.int64)
            for name in ("ids", "attention_mask")
        )
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, {name: value for name, value in given.items() if name in wanted})[0]
        weights = mask[..., None].astype(np.float32)
        return np.asarray((states * weights).sum(axis=1) / weights.sum(axis=1))

    return Engine("ONNX Runtime loop", "float32", embed)


def transformers_loop(setting: Setting) -> Engine:
    """What the page of a model on the hub shows: padded batches of 32, the mean over real tokens."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(setting.directory)
    model = AutoModel.from_pretrained(setting.directory).eval()

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([batch(texts[i : i + _LOOP_BATCH]) for i in range(0, len(texts), _LOOP_BATCH)])

    def batch(texts: Sequence[str]) -> NDArray[np.float32]:
        read = tokenizer(
            list(texts), padding=True, truncation=True, max_length=setting.window, return_tensors="pt"
        )
        states = model(**read).last_hidden_state
        weights = read["attention_mask"][..., None]
        return np.asarray((states * weights).sum(dim=1) / weights.sum(dim=1))

    return Engine("transformers loop", "float32", embed)


MAKERS: dict[str, Callable[[Setting], Engine]] = {
    f"{OURS} float32": functools.partial(ours, dtype="float32"),
    f"{OURS} bfloat16": functools.partial(ours, dtype="bfloat16"),
    f"{OURS} auto": functools.partial(ours, dtype="auto"),
    "sentence-transformers, defaults": sentence_transformers,
    "sentence-transformers, bfloat16, tuned batches": sentence_transformers_best,
    "sentence-transformers, ONNX": sentence_transformers_onnx,
    "sentence-transformers, OpenVINO": sentence_transformers_openvino,
    "ONNX Runtime loop": onnx_loop,
    "transformers loop": transformers_loop,
}


def engines(setting: Setting) -> tuple[list[Engine], dict[str, str]]:
    """Return the engines that can be run here, and of the others why not."""
    here, left_out = [], {}
    for name, make in MAKERS.items():
        try:
            here.append(make(setting))
        except Exception as error:  # a peer may refuse a model or a release of another package in any way
            left_out[name] = f"{error}".splitlines()[0][:200] if f"{error}" else type(error).__name__
    return here, left_out


def _plain(directory: Path, scratch: Path) -> Path:
    """Return a directory of the same model without a template for chats, which would be put around every text."""
    if not (directory / _TEMPLATE).is_file():
        return directory
    plain = scratch / "plain"
    if not plain.is_dir():
        plain.mkdir()
        for file in directory.iterdir():
            if file.name != _TEMPLATE:
                (plain / file.name).symlink_to(file.resolve())
    return plain


def _sentence_transformer(setting: Setting, directory: Path, **more: Any) -> Any:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(_plain(directory, setting.scratch)), device="cpu", local_files_only=True, **more
    )
    model.max_seq_length = setting.window
    return model


def _exported(setting: Setting, backend: str) -> Path:
    """Return a directory with the model exported by sentence-transformers for a backend; it is exported once."""
    from sentence_transformers import SentenceTransformer

    place = setting.scratch / backend
    if not place.is_dir():
        SentenceTransformer(str(setting.directory), backend=backend, local_files_only=True).save_pretrained(
            str(place)
        )
    return place
