"""What a study runs, read from TOML: blocks of task x representation x head x number of rows x seed."""

from __future__ import annotations

import inspect
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.arguments import is_number
from embedreg.core.errors import DataError, UsageError, unknown_name
from embedreg.embed import asks_a_service
from embedreg.heads import HEADS
from embedreg.study._splits import MIN_ROWS
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from embedreg.core.protocols import Json
    from embedreg.heads import Head

KINDS: Final = ("embedding", "tabular")
# Parameters that heads were given after results were first kept, at what they were until then: keys stay as they are.
_AS_BEFORE: Final = {
    "scaling": "each",
    "max_bin": None,
    "device": "cpu",
    "dtype": "float32",
    "max_leaves": None,
    "min_child_weight": 1.0,
    "reg_lambda": 1.0,
}
_DTYPE: Final = "float32"  # where none is written: a study's cells have the same keys on every machine
_LEAST_SAMPLES: Final = 2  # of a ball, for a correlation of distances
_STUDY_KEYS: Final = ("name", "description", "subject", "representations", "heads", "blocks", "profiles")
_PROFILE_KEYS: Final = ("representations", "dof", "radii", "samples", "seeds")
_BLOCK_KEYS: Final = ("tasks", "representations", "heads", "rows", "seeds")


@dataclass(frozen=True, eq=False)
class RepresentationSpec:
    """A way from a record to a vector.

    Attributes
    ----------
    name
        As in tables.
    kind
        "embedding", or "tabular" for traditional features.
    settings
        Parameters of `embedreg.TextEmbedder`, whose precision is float32 where none is written; none for
        traditional features.
    """

    name: str
    kind: str
    settings: dict[str, Any]


@dataclass(frozen=True, eq=False)
class HeadSpec:
    """A head and its parameters, other than the seed.

    Attributes
    ----------
    name
        As in tables.
    kind
        A name in `embedreg.heads.HEADS`.
    parameters
        Those that differ from the head's defaults.
    """

    name: str
    kind: str
    parameters: dict[str, Any]

    def make(self) -> Head:
        """Return the unfitted head."""
        return HEADS[self.kind](**self.parameters)

    def identity(self) -> dict[str, Json]:
        """Return all of its parameters but the seed: what decides its numbers."""
        parameters = {
            k: v
            for k, v in self.make().get_params().items()
            if k != "random_state" and (k, v) not in _AS_BEFORE.items()
        }
        return {
            "kind": self.kind,
            **{k: list(v) if isinstance(v, tuple) else v for k, v in parameters.items()},
        }


@dataclass(frozen=True, eq=False)
class Block:
    """A full grid: every task with every representation, head, number of rows and seed.

    Attributes
    ----------
    tasks
        Patterns, as `embedreg.tasks.select_tasks` takes them.
    representations, heads
        What is compared.
    rows
        Numbers of rows to sample before the split 8-1-1.
    seeds
        Of the sample, the split and the head.
    """

    tasks: tuple[str, ...]
    representations: tuple[RepresentationSpec, ...]
    heads: tuple[HeadSpec, ...]
    rows: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ProfileSpec:
    """Distance profiles: how far embeddings move as synthetic inputs do (Figure 5 of the paper).

    Attributes
    ----------
    representations
        Embeddings whose distances are measured.
    dof
        Number of fields of the inputs, numbers in [-5, 5].
    radii
        Of the balls around the reference point, in the inputs' unit.
    samples
        Points a ball.
    seeds
        Of the reference point and the samples.
    """

    representations: tuple[RepresentationSpec, ...]
    dof: int
    radii: tuple[float, ...]
    samples: int
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StudySpec:
    """A study: its name, what it is for, its blocks, and the distance profiles it measures.

    `subject` is the embedding that the published results are held against.
    """

    name: str
    description: str
    blocks: tuple[Block, ...]
    profiles: tuple[ProfileSpec, ...] = ()
    subject: str = "minilm"


def presets() -> dict[str, str]:
    """Return the text of each preset by its name."""
    folder = resources.files("embedreg.study.grid") / "presets"
    files = {
        file.name.removesuffix(".toml"): file for file in folder.iterdir() if file.name.endswith(".toml")
    }
    return {name: files[name].read_text("utf-8") for name in sorted(files)}


def load_study(spec: str | Path) -> StudySpec:
    """Return a study by the name of a preset or the path of a TOML file.

    Raises
    ------
    UsageError
        If there is no such preset or file, or the file asks for what there is not.
    DataError
        If the file is no TOML.

    Examples
    --------
    >>> load_study("smoke").name
    'smoke'
    """
    known = presets()
    if str(spec) in known:
        return parse_study(known[str(spec)], f"preset {spec}")
    path = Path(spec)
    if not path.is_file():
        if path.suffix != ".toml" and path.name == str(spec):
            raise unknown_name("study", str(spec), known)
        raise UsageError(
            f"study {str(spec)!r}, and there is no such file",
            expected=f"a TOML file, or a preset: {', '.join(known)}",
            mend="check the path",
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{error} for {path}", expected="a TOML file in UTF-8", mend="check the file"
        ) from error
    return parse_study(text, str(path))


def parse_study(text: str, where: str) -> StudySpec:
    """Return the study that a TOML text describes; `where` names it in messages."""
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            f"{where}, which is no TOML: {error}", expected="TOML", mend="mend that line"
        ) from error
    _check_keys(read, _STUDY_KEYS, where, ("name", "representations", "blocks"))
    _check_name(read["name"], where)
    if not isinstance(read.get("description", ""), str):
        raise UsageError(
            f"description = {read['description']!r} in {where}", expected="a text", mend='description = "..."'
        )
    _check_tables(read["representations"], "representations", dict, where)
    _check_tables(read.get("heads", {}), "heads", dict, where)
    _check_tables(read["blocks"], "blocks", list, where)
    _check_tables(read.get("profiles", []), "profiles", list, where)
    representations = {
        name: _representation(name, settings, where) for name, settings in read["representations"].items()
    }
    heads = {name: HeadSpec(name, name, {}) for name in HEADS}
    heads |= {name: _head(name, parameters, where) for name, parameters in read.get("heads", {}).items()}
    blocks = tuple(_block(block, representations, heads, where) for block in read["blocks"])
    if not blocks:
        raise UsageError(f"{where} without blocks", expected="at least one [[blocks]]", mend="write one")
    profiles = tuple(_profile(profile, representations, where) for profile in read.get("profiles", ()))
    embeddings = [name for name, r in representations.items() if r.kind == "embedding"]
    subject = read.get("subject", embeddings[0] if embeddings else "")
    if "subject" in read and subject not in embeddings:
        raise unknown_name(f"subject of {where}", str(subject), embeddings)
    return StudySpec(read["name"], read.get("description", ""), blocks, profiles, subject)


def _check_name(name: Any, where: str) -> None:
    """Refuse what cannot be in a directory's name."""
    if not isinstance(name, str) or not name.strip() or set(name) & set("/\\\0") or name in (".", ".."):
        raise UsageError(
            f"name = {name!r} in {where}",
            expected="a text without slashes, by which the store is called",
            mend='name = "mine"',
        )


def _check_tables(value: Any, what: str, kind: type, where: str) -> None:
    """Refuse what is no table of tables (dict), or no array of tables (list)."""
    tables = value if kind is list else value.values() if isinstance(value, dict) else ()
    if isinstance(value, kind) and all(isinstance(table, dict) for table in tables):
        return
    heading = f"[[{what}]]" if kind is list else f"[{what}.NAME]"
    raise UsageError(
        f"{what} = {value!r} in {where}", expected=f"tables, each under {heading}", mend=f"write {heading}"
    )


def _representation(name: str, settings: Mapping[str, Any], where: str) -> RepresentationSpec:
    settings = dict(settings)
    kind = settings.pop("kind", "embedding")
    if kind not in KINDS:
        raise unknown_name(f"kind of representation {name!r} in {where}", kind, KINDS)
    known = [p for p in inspect.signature(TextEmbedder).parameters if p != "cache"]
    _check_keys(settings, known if kind == "embedding" else (), f"representation {name!r} in {where}")
    model = settings.get("model")
    if kind == "embedding" and "dtype=" not in str(model) and not asks_a_service(model):
        settings.setdefault("dtype", _DTYPE)
    return RepresentationSpec(name, kind, settings)


def _head(name: str, parameters: Mapping[str, Any], where: str) -> HeadSpec:
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    kind = parameters.pop("kind", name)
    if kind not in HEADS:
        raise unknown_name(f"kind of head {name!r} in {where}", kind, HEADS)
    known = [p for p in HEADS[kind]().get_params() if p != "random_state"]
    _check_keys(parameters, known, f"head {name!r} in {where}")
    head = HeadSpec(name, kind, parameters)
    _check_parameters(head, where)
    return head


def _check_parameters(head: HeadSpec, where: str) -> None:
    """Refuse parameters before every cell of the head fails for them."""
    place = f"for head {head.name!r} in {where}"
    try:
        head.make().check_parameters()
    except UsageError as error:
        raise UsageError(f"{error.got} {place}", expected=error.expected, mend=error.mend) from error
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{head.parameters} {place}: {error}",
            expected=f"parameters of the types that {HEADS[head.kind].__name__} takes",
            mend="correct them, or leave them out",
        ) from error


def _block(
    block: Mapping[str, Any],
    representations: Mapping[str, RepresentationSpec],
    heads: Mapping[str, HeadSpec],
    where: str,
) -> Block:
    _check_keys(block, _BLOCK_KEYS, f"a block of {where}", _BLOCK_KEYS)
    return Block(
        tasks=_strings(block["tasks"], "tasks", where),
        representations=_chosen(block, "representations", representations, where),
        heads=_chosen(block, "heads", heads, where),
        rows=_rows(block["rows"], where),
        seeds=_seeds(block["seeds"], where),
    )


def _profile(
    profile: Mapping[str, Any], representations: Mapping[str, RepresentationSpec], where: str
) -> ProfileSpec:
    _check_keys(profile, _PROFILE_KEYS, f"a profile of {where}", _PROFILE_KEYS)
    chosen = _chosen(profile, "representations", representations, where)
    for representation in chosen:
        if representation.kind != "embedding":
            raise UsageError(
                f"a profile of {representation.name!r} in {where}",
                expected="an embedding",
                mend="leave it out",
            )
    return ProfileSpec(
        representations=chosen,
        dof=_one_number(profile, "dof", 1, where),
        radii=_radii(profile["radii"], where),
        samples=_one_number(profile, "samples", _LEAST_SAMPLES, where),
        seeds=_seeds(profile["seeds"], where),
    )


def _radii(value: Any, where: str) -> tuple[float, ...]:
    if isinstance(value, list) and value and all(is_number(radius) and radius > 0 for radius in value):
        return tuple(map(float, value))
    raise UsageError(f"radii = {value!r} in {where}", expected="positive numbers", mend="radii = [1.0, 2.0]")


def _one_number(profile: Mapping[str, Any], what: str, least: int, where: str) -> int:
    number = profile[what]
    if _is_whole(number, least):
        return int(number)
    raise UsageError(
        f"{what} = {number!r} in a profile of {where}",
        expected=f"one whole number, at least {least}",
        mend="write a [[profiles]] for each" if isinstance(number, list) else f"{what} = 30",
    )


def _rows(value: Any, where: str) -> tuple[int, ...]:
    rows = value if isinstance(value, list) else [value]
    if rows and all(_is_whole(number, MIN_ROWS) for number in rows):
        return tuple(rows)
    raise UsageError(
        f"rows = {value!r} in {where}",
        expected=f"a whole number, at least {MIN_ROWS}, or a list of them",
        mend="rows = [500]",
    )


def _seeds(value: Any, where: str) -> tuple[int, ...]:
    """Return the seeds of a list, or so many of them as a number says."""
    if _is_whole(value, 1):
        return tuple(range(value))
    if isinstance(value, list) and value and all(_is_whole(seed, 0) and seed < 2**32 for seed in value):
        return tuple(value)
    raise UsageError(
        f"seeds = {value!r} in {where}",
        expected="how many, a whole number of at least 1, or a list of seeds, whole numbers from 0 and below 2^32",
        mend="seeds = 3, which is seeds = [0, 1, 2]",
    )


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _chosen(block: Mapping[str, Any], what: str, known: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    names = _strings(block[what], what, where)
    for name in names:
        if name not in known:
            raise unknown_name(f"{what.removesuffix('s')} of a block in {where}", name, known)
    return tuple(known[name] for name in names)


def _strings(value: Any, what: str, where: str) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise UsageError(f"{what} = {value!r} in {where}", expected="a list of names", mend=f'{what} = ["NAME"]')


def _check_keys(
    table: Mapping[str, Any], known: Collection[str], where: str, needed: Sequence[str] = ()
) -> None:
    for key in table:
        if key not in known:
            raise unknown_name(f"key in {where}", key, known or ["kind"])
    for key in needed:
        if key not in table:
            raise UsageError(
                f"{where} without {key!r}", expected=f"the keys {', '.join(needed)}", mend=f"add {key!r}"
            )
