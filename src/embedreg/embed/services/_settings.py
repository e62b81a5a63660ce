"""The settings in a service's string that are the same for every service, and how any setting is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from embedreg.embed.services._service import Limits

    Reader = Callable[[str, str], Any]
    """From the name and the text of a setting to its value."""


@dataclass(frozen=True)
class RequestSettings:
    """How requests are made; nothing of it decides a vector, but for `truncate`.

    Attributes
    ----------
    items, tokens, bytes, text_tokens
        In place of the service's own limits, see `Limits`.
    truncate
        Whether a text over `text_tokens` is cut, instead of refused.
    concurrency
        Requests under way at once.
    retries
        Attempts after the first, for each request.
    backoff
        Seconds to wait before the first of them; doubled each time.
    timeout
        Seconds to wait for an answer.
    rpm, tpm
        Requests and tokens a minute at most.
    price
        USD for a million tokens.
    max_cost
        USD to spend at most with one embedder.
    """

    items: int | None = None
    tokens: int | None = None
    bytes: int | None = None
    text_tokens: int | None = None
    truncate: bool = False
    concurrency: int = 4
    retries: int = 6
    backoff: float = 0.5
    timeout: float = 60.0
    rpm: float | None = None
    tpm: float | None = None
    price: float | None = None
    max_cost: float | None = None

    def over(self, limits: Limits) -> Limits:
        """Return limits with those in these settings in the place of the service's own."""
        names = [field.name for field in fields(limits)]
        return replace(limits, **{n: getattr(self, n) for n in names if getattr(self, n) is not None})


def read_whole(name: str, text: str) -> int:
    """Read a whole number of at least 1."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise UsageError(f"{name}={text}", expected="a whole number, 1 or more", mend="leave it out")
    return int(text)


def read_amount(name: str, text: str) -> float:
    """Read a number that is not negative."""
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 <= amount < math.inf:
        raise UsageError(f"{name}={text}", expected="a number, 0 or more", mend="leave it out")
    return amount


def read_rate(name: str, text: str) -> float:
    """Read a number above zero."""
    if (rate := read_amount(name, text)) == 0:
        raise UsageError(f"{name}=0", expected="a number above 0", mend="leave it out to set no limit")
    return rate


def read_flag(name: str, text: str) -> bool:
    """Read true or false."""
    if text.lower() not in ("true", "false"):
        raise UsageError(f"{name}={text}", expected="true or false", mend=f"write {name}=true")
    return text.lower() == "true"


def read_count(name: str, text: str) -> int:
    """Read a whole number of at least 0."""
    return 0 if text == "0" else read_whole(name, text)


def read_text(_name: str, text: str) -> str:
    """Read a text."""
    return text


_READERS: Final[Mapping[str, Reader]] = {
    "items": read_whole,
    "tokens": read_whole,
    "bytes": read_whole,
    "text_tokens": read_whole,
    "truncate": read_flag,
    "concurrency": read_whole,
    "retries": read_count,
    "backoff": read_amount,
    "timeout": read_rate,
    "rpm": read_rate,
    "tpm": read_rate,
    "price": read_amount,
    "max_cost": read_amount,
}
_KEY_NAMES: Final = ("key", "api_key", "apikey", "token", "password", "secret")


def read_settings(
    service: str, written: Mapping[str, str], own: Mapping[str, Reader]
) -> tuple[RequestSettings, dict[str, Any]]:
    """Read the settings in a service's string.

    Parameters
    ----------
    service
        For messages.
    written
        Settings by name, as they were written.
    own
        How the service's own ones are read.

    Returns
    -------
    settings : RequestSettings
        Those that all services share.
    others : dict
        The service's own ones, those that were written.

    Raises
    ------
    UsageError
        If a setting is unknown or cannot be read. A key is refused without being shown.
    """
    readers = {**_READERS, **own}
    values: dict[str, Any] = {}
    for name, text in written.items():
        if name.lower() in _KEY_NAMES:
            raise UsageError(
                f"{name!r} in the model's string, which is written to saved models and reports",
                expected="keys in environment variables alone",
                mend="take it out, and export the variable that docs/services.md names",
            )
        if name not in readers:
            raise unknown_name(f"setting of {service}", name, readers)
        values[name] = readers[name](name, text)
    shared = {name: values.pop(name) for name in list(values) if name in _READERS}
    return RequestSettings(**shared), values
