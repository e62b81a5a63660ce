"""Where tasks come from: files of rows in several formats, suites of real tasks, and functions made at any size.

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
from embedreg.tasks._suites import select_tasks, suite_named, suites
from embedreg.tasks._task import Suite, Task, TaskData
from embedreg.tasks._user_suite import suite_from_toml
from embedreg.tasks._vectors import VectorWriter, write_vectors
from embedreg.tasks.formats import Writer

__all__ = [
    "Batch",
    "InputSpec",
    "LabelledTable",
    "PackagedTask",
    "Suite",
    "Task",
    "TaskData",
    "VectorWriter",
    "Writer",
    "count_rows",
    "load_labelled",
    "open_writer",
    "output_columns",
    "packaged_task",
    "packaged_tasks",
    "resolve_input",
    "select_tasks",
    "stream_records",
    "suite_from_toml",
    "suite_named",
    "suites",
    "write_vectors",
]
