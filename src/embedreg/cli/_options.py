"""Options that several commands share, each defined once."""

from __future__ import annotations

import csv
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Function = TypeVar("Function", bound="Callable[..., Any]")

data_argument = click.argument("data", type=click.Path(path_type=Path))
model_argument = click.argument("model", type=click.Path(path_type=Path))
target_option = click.option("--target", required=True, metavar="COLUMN", help="The column to predict.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of a table."
)
rows_output_option = click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="File to write, its format by its name. [default: stdout]",
)


def input_options(function: Function) -> Function:
    """Add --text and --columns: what of a row is the input."""
    text = click.option("--text", metavar="COLUMN", help="The input is the text in this one column.")
    columns = click.option(
        "--columns",
        metavar="A,B,...",
        callback=_split_names,
        help="The input is these columns, a name with a comma in quotes. [default: all but the target]",
    )
    return text(columns(function))


def output_option(text: str) -> Callable[[Function], Function]:
    """Return --output, the folder for a report and what belongs to it, with `text` as its help."""
    folder = click.Path(path_type=Path, file_okay=False)
    return click.option("--output", metavar="DIR", type=folder, help=text)


def prepare_output(folder: Path, data: Path, names: Iterable[str]) -> None:
    """Make the folder of --output, for files of these names. To be called before the work, which is lost if it cannot be.

    Raises
    ------
    UsageError
        If the packages of the extra `report` are not installed, or one of the files would replace the data.
    OutputError
        If the folder cannot be made.
    """
    from embedreg.core.files import keep_input, make_folder
    from embedreg.report import require_report_packages

    require_report_packages()
    for name in names:
        keep_input(data, folder / name)
    make_folder(folder)


def embedder_options(function: Function) -> Function:
    """Add what decides the way from a record to its vector."""
    return _embedder_options(function, serializer="json", numbers=None)


def embedder_options_left_open(function: Function) -> Function:
    """Add what decides the way from a record to its vector; the format and the layers are the ensemble's to choose."""
    return _embedder_options(function, serializer="auto", numbers="auto")


def _embedder_options(function: Function, *, serializer: str, numbers: str | None) -> Function:
    auto = "auto, " if serializer == "auto" else ""
    for option in reversed(
        (
            click.option(
                "--model",
                default="minilm",
                show_default=True,
                help="Catalogue name, a Hugging Face directory, openai:MODEL or gemini:MODEL.",
            ),
            click.option(
                "--serializer",
                default=serializer,
                show_default=True,
                help=f"{auto}json, json_values, key_value or values.",
            ),
            click.option(
                "--numbers",
                metavar="FORMAT",
                default=numbers,
                show_default=numbers is not None,
                help=f"{auto}significant:N, decimals:N or as_is."
                + ("" if numbers else " [default: significant:4]"),
            ),
            click.option(
                "--pooling",
                default="auto",
                show_default=True,
                help="auto (as --model says, else mean), mean, weighted, max, last, first, mean_padded or model.",
            ),
            click.option(
                "--layers",
                default="auto",
                show_default=True,
                callback=_layer,
                help=("auto, " if auto else "auto (as --model says, else last), ")
                + "last, all, mean, a range (2-4, mean:2-4) or an index.",
            ),
            click.option(
                "--dtype", default="auto", show_default=True, help="float32, bfloat16, float16, int8 or auto."
            ),
            click.option(
                "--device",
                default="auto",
                show_default=True,
                callback=_device,
                help="auto, cpu, cuda, mps.",
            ),
            click.option(
                "--cache/--no-cache", default=True, show_default=True, help="Keep and reuse embeddings."
            ),
        )
    ):
        function = option(function)
    return function


EMBEDDER_KEYS = ("model", "serializer", "numbers", "pooling", "layers", "dtype", "device", "cache")


def embedder_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Take the embedder's settings out of a command's options; what was left out keeps the library's own default."""
    return {key: options[key] for key in EMBEDDER_KEYS if options[key] is not None}


def refuse_embedder_options(representation: str) -> None:
    """Refuse what was typed of the way to a vector where none is made: a mistake in it would never be seen."""
    from embedreg.core.errors import UsageError

    context = click.get_current_context()
    typed = [
        key
        for key in EMBEDDER_KEYS
        if key != "cache" and context.get_parameter_source(key) is click.core.ParameterSource.COMMANDLINE
    ]
    if typed and representation == "tabular":
        raise UsageError(
            f"--{typed[0]} with --representation tabular",
            expected="no choice of an embedder, as traditional features make no use of one",
            mend="leave out one of the two",
        )


def short(value: Any) -> str:
    """Return a value of a table, a number with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def command_line() -> str:
    """Return the command line that is running, to repeat it."""
    words = click.get_current_context().find_root().obj
    return shlex.join(["embedreg", *words])


def finite(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN and infinity, which are within any range."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number")
    return value


def _split_names(_context: click.Context, _option: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    return [name for name in next(csv.reader([value])) if name.strip()]


def _device(_context: click.Context, _option: click.Parameter, value: str) -> str:
    from embedreg.core.devices import check_device_name

    check_device_name(value)
    return value


def _layer(_context: click.Context, _option: click.Parameter, value: str) -> str | int:
    from embedreg.embed._layers import read_layers

    return read_layers(value)


def column_name(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Refuse a blank name of a column."""
    if not value.strip():
        raise click.BadParameter(f"{value!r} is no name for a column")
    return value
