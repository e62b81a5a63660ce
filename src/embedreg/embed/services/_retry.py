"""Whether, and when, a request that failed is sent again."""

from __future__ import annotations

import email.utils
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from embedreg.embed.services._service import RequestFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_PAUSE: Final = 60.0
_LONGEST_REQUESTED: Final = 600.0
"""A service that asks for more than that is out of use for now."""
_TEMPORARY: Final = frozenset(
    {408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
)  # 520 to 524: Cloudflare's
_HELD_UP: Final = frozenset({429, 503, 529})
_TIMED_OUT: Final = frozenset({408, 504, 522, 524})


def pause(attempt: int, first: float, failure: RequestFailedError) -> float:
    """Return the seconds to wait before the next attempt.

    They double with each attempt, up to a minute, and a random part of up to a half is taken off, so that
    requests that failed together do not come back together. What the service asked for is the least.

    Parameters
    ----------
    attempt
        How many attempts there were.
    first
        Seconds after the first.
    failure
        Of the last attempt.
    """
    longest = min(first * 2.0 ** (attempt - 1), _LONGEST_PAUSE)
    jittered = longest * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
    return jittered if failure.wait is None else failure.wait + jittered * 0.1


def failure_of_status(
    status: int, message: str, headers: Mapping[str, str], *, wait: float | None = None
) -> RequestFailedError:
    """Return the failure that an HTTP status other than 200 stands for.

    Parameters
    ----------
    status, message, headers
        Of the answer.
    wait
        Seconds to wait, if the body names them; the header `Retry-After` comes first.
    """
    asked = retry_after(headers)
    wait = wait if asked is None else asked
    bearable = wait is None or wait <= _LONGEST_REQUESTED
    return RequestFailedError(
        f"status {status}: {message}"
        if bearable
        else f"status {status}, retry after {wait:.0f} s: {message}",
        retry=status in _TEMPORARY and bearable,
        later=not bearable,
        wait=wait,
        held_up=status in _HELD_UP,
        maybe_paid=status in _TIMED_OUT,
    )


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that `Retry-After` (or OpenAI's `retry-after-ms`) asks to wait, or None.

    Examples
    --------
    >>> retry_after({"retry-after": "2.5"})
    2.5
    >>> retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, datetime(2015, 10, 21, 7, 27, tzinfo=UTC))
    60.0
    >>> retry_after({"retry-after": "soon"})
    """
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (date.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds())


def failure_of_transport(error: BaseException | None) -> RequestFailedError:
    """Return the failure that an error of httpx, or of its successor under another name, stands for.

    Where the request had been sent, the service may have done the work.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    sent = not names & {"ConnectError", "ConnectTimeout", "PoolTimeout"}
    if "TimeoutException" in names:
        return RequestFailedError("no answer in time", retry=True, maybe_paid=sent)
    what = f"{type(error).__name__}: {error}"
    return RequestFailedError(f"a broken connection ({what})", retry=True, maybe_paid=sent)
