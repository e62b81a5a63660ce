"""Where tasks come from: files of rows in several formats, and real tasks that come with the package.

Rows are read and written in batches, so that memory does not grow with a file. Whatever is wrong with a file
can be known before any embedding.
"""

from __future__ import annotations

from embedreg.tasks._input_spec import InputSpec
from embedreg.tasks._labelled_table import LabelledTable, load_labelled
from embedreg.tasks._output import open_writer, output_columns
from embedreg.tasks._packaged import PackagedTask, packaged_task, packaged_tasks
from embedreg.tasks._resolve_input import resolve_input
from embedreg.tasks._stream import Batch, count_rows, stream_records
from embedreg.tasks._vectors import VectorWriter, write_vectors
from embedreg.tasks.formats import Writer

__all__ = [
    "Batch",
    "InputSpec",
    "LabelledTable",
    "PackagedTask",
    "VectorWriter",
    "Writer",
    "count_rows",
    "load_labelled",
    "open_writer",
    "output_columns",
    "packaged_task",
    "packaged_tasks",
    "resolve_input",
    "stream_records",
    "write_vectors",
]
