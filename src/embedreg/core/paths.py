"""Where things are kept on the user's machine."""

from __future__ import annotations

import os
from pathlib import Path

from embedreg.core.errors import UsageError


def cache_root() -> Path:
    """Return the directory for weights and embeddings: `EMBEDREG_CACHE_DIR`, or the platform's own place for caches.

    Raises
    ------
    UsageError
        If there is no home directory to find it in, as for a user of a container who has no entry.
    """
    chosen = os.environ.get("EMBEDREG_CACHE_DIR")
    try:
        if chosen:
            return Path(chosen).expanduser()
        import platformdirs

        return Path(platformdirs.user_cache_dir("embedreg", appauthor=False))
    except RuntimeError as error:
        raise UsageError(
            f"EMBEDREG_CACHE_DIR={chosen}, of an unknown user"
            if chosen
            else "no home directory to keep weights in",
            expected="a folder that may be written to",
            mend="set EMBEDREG_CACHE_DIR to one",
        ) from error
