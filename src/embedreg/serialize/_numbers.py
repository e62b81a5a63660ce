"""How a number is written: by its value and not its type, so that 5, 5.0 and Decimal("5") read the same."""

from __future__ import annotations

import decimal
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from embedreg.core.errors import UsageError

DEFAULT_NUMBERS: Final = "significant:4"
"""Few digits make few tokens, and four are finer than most measurements."""

_WHOLE_LIMIT: Final = 2**64  # every integer that a column of a table can hold is below it
_NO_EXPONENT: Final = range(-4, 20)  # powers of ten that are written out; Python writes floats so


@dataclass(frozen=True)
class NumberFormat:
    """Write numbers; `parse_numbers` tells the choices.

    Attributes
    ----------
    kind
        "significant", "decimals" or "as_is".
    digits
        How many of them; 0 for "as_is".
    """

    kind: Literal["significant", "decimals", "as_is"]
    digits: int

    def __call__(self, number: int | float | Decimal) -> str:
        """Return the text of an int, a float or a Decimal."""
        if isinstance(number, float):
            return self._float(number)
        if isinstance(number, Decimal):
            return self._decimal(number)
        return str(number) if -_WHOLE_LIMIT < number < _WHOLE_LIMIT else self._large(Decimal(number))

    def _float(self, number: float) -> str:
        if -_WHOLE_LIMIT < number < _WHOLE_LIMIT:
            if number.is_integer():
                return str(int(number))
            if self.kind == "decimals":
                return _without_trailing_zeros(f"{number:.{self.digits}f}")
        elif not math.isfinite(number):
            return _not_finite(is_nan=math.isnan(number), is_negative=number < 0)
        return f"{number:.{self.digits}g}" if self.kind == "significant" else repr(number)

    def _decimal(self, number: Decimal) -> str:
        if not number.is_finite():
            return _not_finite(is_nan=number.is_nan(), is_negative=number.is_signed())
        if not -_WHOLE_LIMIT < number < _WHOLE_LIMIT:
            return self._large(number)
        if number == int(number):
            return str(int(number))
        if self.kind == "as_is":
            return _every_digit(number)
        # a float holds 15 digits; what is too small to be one is rounded as it stands
        return self._float(float(number)) if float(number) else self._too_small(number)

    def _large(self, number: Decimal) -> str:
        """Write a number of 2**64 or more in magnitude; equal to the float's text if it equals a float."""
        as_float = float(number)
        if math.isinf(as_float):
            return _every_digit(self._rounded(number) if self.kind == "significant" else number)
        if self.kind == "significant" or number == Decimal(as_float):
            return self._float(as_float)
        return _without_trailing_zeros(f"{number:f}")

    def _too_small(self, number: Decimal) -> str:
        return "0" if self.kind == "decimals" else _every_digit(self._rounded(number))

    def _rounded(self, number: Decimal) -> Decimal:
        context = decimal.Context(
            prec=self.digits,
            rounding=decimal.ROUND_HALF_EVEN,  # as Python rounds floats
            Emin=decimal.MIN_EMIN,
            Emax=decimal.MAX_EMAX,
            traps=[],
        )
        return context.plus(number)


def parse_numbers(numbers: str) -> NumberFormat:
    """Return the format that a name stands for.

    Parameters
    ----------
    numbers
        "significant:N" (N significant digits, 1 to 15), "decimals:N" (at most N digits after the point, 0
        to 15) or "as_is" (every digit; a float's are the fewest that name it). Whole numbers below 2**64 in
        magnitude are never rounded, whatever their type.

    Raises
    ------
    UsageError
        If it is none of these.

    Examples
    --------
    >>> [parse_numbers("significant:4")(x) for x in (0.123456, 123.456, 123456.7, 123456, 1e-7)]
    ['0.1235', '123.5', '1.235e+05', '123456', '1e-07']
    >>> [parse_numbers("decimals:2")(x) for x in (0.123456, 123.456, 123456.7, 2.0, 1e-7)]
    ['0.12', '123.46', '123456.7', '2', '0']
    >>> [parse_numbers("as_is")(x) for x in (0.123456, decimal.Decimal("0.10"), 1e300)]
    ['0.123456', '0.1', '1e+300']
    """
    known = _parse(str(numbers))
    if known is None:
        raise UsageError(
            f"numbers={numbers!r}",
            expected="'significant:N' with N from 1 to 15, 'decimals:N' with N from 0 to 15, or 'as_is'",
            mend=f"leave it at {DEFAULT_NUMBERS!r}, or choose one of those",
        )
    return known


@lru_cache(maxsize=64)
def _parse(numbers: str) -> NumberFormat | None:
    if numbers == "as_is":
        return NumberFormat("as_is", 0)
    if match := re.fullmatch("significant:([1-9]|1[0-5])", numbers):
        return NumberFormat("significant", int(match[1]))
    if match := re.fullmatch("decimals:([0-9]|1[0-5])", numbers):
        return NumberFormat("decimals", int(match[1]))
    return None


def _not_finite(*, is_nan: bool, is_negative: bool) -> str:
    """Write NaN and the infinities as Python's json does."""
    if is_nan:
        return "NaN"
    return "-Infinity" if is_negative else "Infinity"


def _every_digit(number: Decimal) -> str:
    """Write a finite Decimal other than zero as Python writes a float, with all its digits."""
    sign, digit_tuple, _ = number.as_tuple()
    power = number.adjusted()
    if power in _NO_EXPONENT:
        return _without_trailing_zeros(f"{number:f}")
    first, rest = str(digit_tuple[0]), "".join(map(str, digit_tuple[1:])).rstrip("0")
    return f"{'-' * sign}{first}{'.' * bool(rest)}{rest}e{power:+03d}"


def _without_trailing_zeros(text: str) -> str:
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
