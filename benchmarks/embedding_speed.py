"""How fast the engine is beside sentence-transformers, and how fast the cache makes a second run.

Both engines run in one process, in float32, with the same weights, the same texts and the same greatest
length (256 tokens, which no text exceeds). Runs alternate, A B A B, so that a busy machine slows both alike;
a pair's ratio is peer seconds / our seconds, and above 1 we are faster. Needs sentence-transformers.

    python benchmarks/embedding_speed.py --output benchmarks/results/embedding_speed.json
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer

from embedreg.embed import EmbeddingCache, TransformerEmbedder, embed_texts, pull

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 256


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file to append the rows to")
    parser.add_argument("--pairs", type=int, default=5, help="alternated pairs a text set (default 5)")
    parser.add_argument("--texts", type=int, default=200, help="texts a set (default 200)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    os.environ["EMBEDREG_PROGRESS"] = "0"
    torch.set_num_threads(arguments.threads)

    path = pull("minilm", quiet=True)
    ours = TransformerEmbedder(path, device="cpu", window=WINDOW)
    peer = SentenceTransformer(str(path), device="cpu")
    peer.max_seq_length = WINDOW

    rows = []
    for name, texts in text_sets(arguments.texts, ours).items():
        rows.append(compare(name, texts, ours, peer, arguments.pairs))
        print(json.dumps(rows[-1]), flush=True)
    append(arguments.output, {"settings": settings(), "rows": rows})


def text_sets(count: int, embedder: TransformerEmbedder) -> dict[str, list[str]]:
    """Texts of the kinds that regression meets; all different, none longer than the window."""
    rng = np.random.default_rng(0)
    sets = {
        "short json": [config(rng, 3) for _ in range(count)],
        "json of 12 numbers": [config(rng, 12) for _ in range(count)],
        "mixed lengths": [config(rng, int(n)) for n in rng.integers(1, 17, count)],
    }
    for name, texts in sets.items():
        assert max(embedder.count_tokens(texts)) <= WINDOW, name
    return sets


def config(rng: np.random.Generator, numbers: int) -> str:
    values = {f"param{i}": round(float(value), 4) for i, value in enumerate(rng.normal(size=numbers))}
    return json.dumps({**values, "optimizer": str(rng.choice(["adam", "sgd", "lamb"]))})


def compare(
    name: str, texts: list[str], ours: TransformerEmbedder, peer: SentenceTransformer, pairs: int
) -> dict[str, object]:
    agreement = check_agreement(texts[:32], ours, peer)  # also the warm-up
    our_seconds, peer_seconds = [], []
    for _ in range(pairs):
        our_seconds.append(seconds(lambda: embed_texts(ours, texts, progress=False)))
        peer_seconds.append(seconds(lambda: peer.encode(texts, show_progress_bar=False)))
    ratios = [b / a for a, b in zip(our_seconds, peer_seconds, strict=True)]
    tokens = sum(ours.count_tokens(texts))
    return {
        "texts": name,
        "count": len(texts),
        "tokens": tokens,
        "our_seconds": rounded(our_seconds),
        "peer_seconds": rounded(peer_seconds),
        "ratios": rounded(ratios),
        "median_ratio": round(statistics.median(ratios), 3),
        "our_tokens_per_second": round(tokens / min(our_seconds)),
        "peer_tokens_per_second": round(tokens / min(peer_seconds)),
        "greatest_difference": agreement,
        **cached_rerun(texts, ours),
    }


def check_agreement(texts: list[str], ours: TransformerEmbedder, peer: SentenceTransformer) -> float:
    """Return the greatest difference of a coordinate; the peer's model ends by scaling vectors to norm 1."""
    mine = embed_texts(ours, texts, progress=False)
    mine /= np.linalg.norm(mine, axis=1, keepdims=True)
    difference = float(np.abs(mine - peer.encode(texts, show_progress_bar=False)).max())
    assert difference < 1e-5, difference
    return difference


def cached_rerun(texts: list[str], ours: TransformerEmbedder) -> dict[str, float]:
    """Time the same call with an empty cache and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        cache = EmbeddingCache(Path(folder))
        first = seconds(lambda: embed_texts(ours, texts, cache=cache, progress=False))
        again = [seconds(lambda: embed_texts(ours, texts, cache=cache, progress=False)) for _ in range(3)]
    second = statistics.median(again)
    return {
        "uncached_seconds": round(first, 4),
        "cached_seconds": round(second, 5),
        "cached_speedup": round(first / second, 1),
    }


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def rounded(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]


def settings() -> dict[str, object]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "threads": torch.get_num_threads(),
        "dtype": "float32",
        "window": WINDOW,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sentence_transformers": sentence_transformers.__version__,
    }


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def append(path: Path, run: dict[str, object]) -> None:
    runs = json.loads(path.read_text()) if path.is_file() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*runs, run], indent=1) + "\n")


if __name__ == "__main__":
    main()
