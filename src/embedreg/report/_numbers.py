"""How numbers are written, the same in the terminal's table, on the page and in the figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from embedreg.study.result import Interval, MethodResult

TAU: Final = "kendall_tau"
METRICS: Final = {
    TAU: "Kendall tau",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "r2": "R2",
    "rmse": "RMSE",
    "mae": "MAE",
}
"""Headings by the study's name of a metric, in the order of the columns."""

UNDEFINED: Final = "n/a"
_IN_UNITS_OF_Y: Final = {"rmse", "mae"}
_LONG: Final = 1e7  # from here on a power of ten is the shorter
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def metric(key: str, value: float) -> str:
    """Write a metric's value: three decimals if it has no unit, four figures if it has the target's.

    Examples
    --------
    >>> metric("pearson", 0.91237), metric("rmse", 12345.678), metric("r2", float("nan"))
    ('0.912', '12,350', 'n/a')
    """
    return figures(value) if key in _IN_UNITS_OF_Y else decimals(value)


def decimals(value: float, *, sign: bool = False) -> str:
    """Write three decimals, or three figures where those would take more room (a very negative R2).

    Examples
    --------
    >>> decimals(0.5), decimals(0.5, sign=True), decimals(-123456.0), decimals(-0.0001)
    ('0.500', '+0.500', '-1.23e+05', '0.000')
    """
    if math.isnan(value):
        return UNDEFINED
    if abs(value) >= 1000:
        return f"{value:.3g}"
    rounded = round(value, 3) + 0.0  # adding zero turns -0.0 into 0.0
    return f"{rounded:+.3f}" if sign else f"{rounded:.3f}"


def figures(value: float) -> str:
    """Write four significant figures, as a whole number where that is no longer than a power of ten.

    Examples
    --------
    >>> figures(0.000123456), figures(3.0), figures(-54321.0), figures(1.5e12)
    ('0.0001235', '3.000', '-54,320', '1.500e+12')
    """
    if math.isnan(value):
        return UNDEFINED
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < _LONG else f"{value:#.4g}"


def p_value(value: float) -> str:
    """Write a p value, the smallest as a bound.

    Examples
    --------
    >>> p_value(0.0123), p_value(1e-9), p_value(float("nan"))
    ('0.012', '<0.001', 'n/a')
    """
    if math.isnan(value):
        return UNDEFINED
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def duration(seconds: float) -> str:
    """Write a wall time for reading.

    Examples
    --------
    >>> duration(0.042), duration(12.34), duration(200), duration(7300)
    ('0.04 s', '12.3 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def typeset(written: str) -> str:
    r"""Turn a number written in ASCII into one for a page: a true minus sign, and powers of ten.

    Examples
    --------
    >>> ascii(typeset("-0.5")), typeset("n/a")
    ("'\\u22120.5'", 'n/a')
    """
    mantissa, e, exponent = written.partition("e")
    if e and exponent.lstrip("+-").isdigit():
        return f"{typeset(mantissa)} \N{MULTIPLICATION SIGN} 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return f"\N{MINUS SIGN}{written[1:]}" if written.startswith("-") else written


def interval_of(method: MethodResult, key: str) -> Interval | None:
    """Return a method's interval for a metric, or None if the metric was not taken or is undefined."""
    interval = method.metrics.get(key)
    return None if interval is None or math.isnan(interval.mean) else interval
