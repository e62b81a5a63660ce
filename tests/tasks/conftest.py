from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedreg.tasks import open_writer, output_columns
from embedreg.tasks.formats import open_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def put(tmp_path):
    """Write a text (as UTF-8), bytes or an Arrow table (as Parquet) to a file of that name."""

    def write(name: str, content: str | bytes | pa.Table) -> Path:
        path = tmp_path / name
        if isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def convert(tmp_path):
    """Write a file's rows to another format by way of the public writer."""

    def run(source: Path, name: str) -> Path:
        destination = tmp_path / name
        with open_writer(destination, output_columns(source), like=source) as writer:
            for row in open_source(source).rows():
                writer.write([row.cells])
        return destination

    return run
