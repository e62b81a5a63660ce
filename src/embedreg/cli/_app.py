"""The group of commands, and what happens when one of them fails."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Final

import click

import embedreg
from embedreg.cli._cache import cache
from embedreg.cli._compare import compare
from embedreg.cli._embed import embed
from embedreg.cli._evaluate import evaluate
from embedreg.cli._explain import explain
from embedreg.cli._fit import fit
from embedreg.cli._models import models
from embedreg.cli._predict import predict
from embedreg.cli._serve_embeddings import serve_embeddings
from embedreg.cli._smoothness import smoothness
from embedreg.cli._study import study
from embedreg.cli._suggest import suggest
from embedreg.cli._tasks import tasks
from embedreg.core.errors import EmbedregError, EmbedregWarning
from embedreg.core.kept import forget_kept, kept
from embedreg.core.warn import each_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUCCESS: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(embedreg.__version__, prog_name="embedreg")
def app() -> None:
    """Predict a number from anything you can write down.

    `embedreg fit DATA --target COLUMN -o MODEL` combines language-model embeddings of the records with traditional features,
    as does best on held-out rows. `embedreg compare DATA --target COLUMN` tells whether embeddings beat your usual features.

    Every command takes --debug, which shows the traceback of an error.
    """


_COMMANDS: Final = (
    compare,
    smoothness,
    fit,
    explain,
    predict,
    evaluate,
    suggest,
    embed,
    study,
    tasks,
    models,
    cache,
    serve_embeddings,
)
for _command in _COMMANDS:
    app.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave the process: status 0 when it worked, 1 when it failed, 2 when it was used wrongly."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    forget_kept()
    with _quiet_warnings(debug=debug), each_once():  # not for every batch of rows
        status = _run([w for w in words if w != "--debug"], debug=debug)
    gc.freeze()  # else Python would look through all modules for garbage on its way out, torch's above all
    sys.exit(status)


def _run(words: list[str], *, debug: bool) -> int:
    try:
        app.main(words, prog_name="embedreg", standalone_mode=False, obj=words)
        sys.stdout.flush()
    except click.ClickException as error:
        return _say_usage(error)
    except (KeyboardInterrupt, click.Abort):
        done = " and ".join(kept())
        there = f"; finished {done} are kept, and the same command goes on from there" if done else ""
        return _say(f"interrupted{there}", FAILED)
    except BrokenPipeError:
        # the reader of our output (head, less) has gone: what it asked for it got
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SUCCESS
    except EmbedregError as error:
        _trace(debug=debug)
        return _say(f"error: {error}", error.exit_status)
    except Exception as error:
        _trace(debug=debug)
        hint = "" if debug else " (an error that embedreg did not foresee; --debug shows where)"
        return _say(f"error: {type(error).__name__}: {error}{hint}", FAILED)
    return SUCCESS


def _say_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return WRONG_USE
    where = f" (see '{context.command_path} --help')" if context else ""
    return _say(f"error: {error.format_message()}{where}", WRONG_USE)


def _say(message: str, status: int) -> int:
    """Print one line, whatever the message holds, and hand the status on."""
    click.echo("embedreg: " + " ".join(message.split()), err=True)
    return status


def _trace(*, debug: bool) -> None:
    if debug:
        traceback.print_exc()


@contextlib.contextmanager
def _quiet_warnings(*, debug: bool) -> Iterator[None]:
    """Print our own warnings as one line each; other packages' warnings only under --debug."""
    with warnings.catch_warnings():
        if not debug:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", EmbedregWarning)
            warnings.showwarning = lambda message, *_, **__: _warn(message)
        yield


def _warn(message: Warning | str) -> None:
    click.echo("embedreg: warning: " + " ".join(str(message).split()), err=True)
