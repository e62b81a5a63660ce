"""Where things are kept on the user's machine."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """Return the directory for weights and embeddings: `EMBEDREG_CACHE_DIR`, or the platform's own place for caches."""
    chosen = os.environ.get("EMBEDREG_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("embedreg", appauthor=False))
