"""Progress bars: on stderr, lively on a terminal and sparse in a log."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 15.0


def progress_bar(total: int | None, description: str, unit: str, *, initial: int = 0) -> tqdm[Any]:
    """Return a progress bar that stays silent when `EMBEDREG_PROGRESS=0` is set.

    Parameters
    ----------
    total
        How many units there are, or None if that is not known.
    description, unit
        What is being done, and what is counted.
    initial
        Units that were already done.
    """
    from tqdm import tqdm

    seconds = _TERMINAL_SECONDS if sys.stderr.isatty() else _LOG_SECONDS
    bar: tqdm[Any] = tqdm(
        total=total,
        initial=initial,
        desc=description,
        unit=f" {unit}",
        mininterval=seconds,
        maxinterval=seconds,
        delay=0.5 if sys.stderr.isatty() else 2,  # what is over at once needs no bar
        leave=False,
        file=sys.stderr,
        disable=os.environ.get("EMBEDREG_PROGRESS") == "0",
        dynamic_ncols=True,
    )
    return bar
