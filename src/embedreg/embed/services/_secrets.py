"""Keys: where they come from, and how they stay out of what is shown or written."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_CHARACTERS: Final = 300
_LIKE_A_KEY: Final = re.compile(r"\b(?:sk-|AIza|ya29\.|Bearer )[\w.*~+/=-]+")
_HIDDEN: Final = "[hidden]"


def redacted(message: str, secrets: Iterable[str]) -> str:
    """Return a message in one line, not too long, without secrets and what looks like one.

    Examples
    --------
    >>> redacted("no such key:  abc123, try sk-12*34", ["abc123"])
    'no such key: [hidden], try [hidden]'
    """
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        for written in {secret, quote(secret, safe="")}:
            message = message.replace(written, _HIDDEN)
    line = " ".join(_LIKE_A_KEY.sub(_HIDDEN, message).split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]} ..."


def key_from(*variables: str, needed: bool) -> str | None:
    """Return the first key that the environment has under these names.

    Raises
    ------
    UsageError
        If it is needed and not there.
    """
    for variable in variables:
        if key := os.environ.get(variable, "").strip():
            return key
    if not needed:
        return None
    raise UsageError(
        f"no key in the environment variable {' or '.join(variables)}",
        expected="the key of your account with the service",
        mend=f"export {variables[0]}=... in the shell that runs this",
    )


def url_secrets(url: str | None) -> list[str]:
    """Return the user name, password and query of a URL, which may all be credentials.

    Examples
    --------
    >>> url_secrets("https://me:pass@host/v1?key=abc")
    ['me:pass', 'pass', 'key=abc', 'abc']
    """
    if not url:
        return []
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    return [s for s in (user, parts.password or "", parts.query, *values) if s]


def place_of(url: str) -> str:
    """Return host, port and path of a URL, without credentials.

    Examples
    --------
    >>> place_of("http://me:pass@localhost:8080/v1/?key=abc")
    'localhost:8080/v1'
    """
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")


def checked_base_url(url: str) -> str:
    """Return a `base_url=` of a model's string, which is written to files and so must hold no credentials.

    Raises
    ------
    UsageError
        If it is no URL, or holds some.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"base_url={redacted(url, url_secrets(url if '//' in url else f'//{url}'))!r}",
            expected="a URL such as http://localhost:8080/v1",
            mend="write scheme, host and path",
        )
    if url_secrets(url) or parts.fragment:
        raise UsageError(
            f"a base_url for {place_of(url)} with a user name or a query",
            expected="no credentials in a model's string, which is written to saved models and reports",
            mend="leave them out; keys come from environment variables",
        )
    return url
