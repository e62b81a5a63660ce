"""Which precisions a model can be run in."""

from __future__ import annotations

from embedreg.core.errors import UsageError


def check_precision(dtype: str, device: str) -> None:
    """Refuse a precision that a kind of device is slow and inexact in.

    Raises
    ------
    UsageError
        If it is float16 on a CPU, or int8 on anything else.

    Examples
    --------
    >>> check_precision("bfloat16", "cpu")
    """
    if dtype == "float16" and device == "cpu":
        raise UsageError(
            "dtype 'float16' on a CPU", expected="a GPU", mend="use dtype='float32', 'bfloat16' or 'auto'"
        )
    if dtype == "int8" and device not in {"auto", "cpu"}:
        raise UsageError(f"dtype 'int8' on {device}", expected="a CPU", mend="use dtype='auto'")
