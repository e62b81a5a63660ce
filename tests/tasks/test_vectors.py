from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedreg.core.errors import OutputError, UsageError
from embedreg.tasks import write_vectors

ROWS = [{"id": "007", "y": "1.5"}, {"id": "x", "y": "2"}, {"id": "y", "y": ""}]
VECTORS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture
def source(put):
    return put("a.csv", "id,y\n007,1.5\nx,2\ny,\n")


def write(source, destination, vectors=VECTORS):
    with write_vectors(destination, 4, like=source) as writer:
        writer.write(vectors[:2], ROWS[:2])
        writer.write(vectors[2:], ROWS[2:])


def test_npy_is_numpys_own_format(source, tmp_path):
    write(source, tmp_path / "v.npy")
    found = np.load(tmp_path / "v.npy")
    assert found.dtype == np.float32
    assert np.array_equal(found, VECTORS)
    assert np.array_equal(np.load(tmp_path / "v.npy", mmap_mode="r"), VECTORS)


@pytest.mark.parametrize(
    "vectors", [VECTORS.astype(np.float64), np.asfortranarray(VECTORS), VECTORS[:, ::-1]]
)
def test_npy_of_other_memory_layouts(source, tmp_path, vectors):
    write(source, tmp_path / "v.npy", vectors)
    assert np.array_equal(np.load(tmp_path / "v.npy"), vectors.astype(np.float32))


def test_npy_without_any_vector(source, tmp_path):
    with write_vectors(tmp_path / "v.npy", 4, like=source):
        pass
    assert np.load(tmp_path / "v.npy").shape == (0, 4)


def test_npy_of_another_dimension(source, tmp_path):
    with (
        pytest.raises(ValueError, match="dimension 5"),
        write_vectors(tmp_path / "v.npy", 5, like=source) as writer,
    ):
        writer.write(VECTORS, ROWS)
    assert not (tmp_path / "v.npy").exists()


@pytest.mark.parametrize("name", ["v.parquet", "v.feather"])
def test_columnar_output_has_the_files_columns_too(source, tmp_path, name):
    write(source, tmp_path / name)
    found = (
        pq.read_table(tmp_path / name)
        if name == "v.parquet"
        else pa.ipc.open_file(tmp_path / name).read_all()
    )
    assert found.schema.field("embedding").type == pa.list_(pa.float32(), 4)
    assert np.array_equal(np.array(found["embedding"].to_pylist(), np.float32), VECTORS)
    assert found["id"].to_pylist() == ["007", "x", "y"]
    assert found["y"].to_pylist() == [1.5, 2.0, None]


def write_until_interrupted(source, destination):
    with write_vectors(destination, 4, like=source) as writer:
        writer.write(VECTORS, ROWS)
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["v.npy", "v.parquet"])
def test_an_interruption_leaves_what_was_there(source, tmp_path, name):
    (tmp_path / name).write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_until_interrupted(source, tmp_path / name)
    assert (tmp_path / name).read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", name]


@pytest.mark.parametrize("name", ["v.npy", "v.parquet"])
def test_a_full_disk(source, tmp_path, name):
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OutputError):
        write(source, tmp_path / name)


@pytest.mark.parametrize("name", ["v.csv", "v.jsonl.gz", "v.npz", "v"])
def test_other_formats(source, tmp_path, name):
    with pytest.raises(UsageError, match=r"\.npy, \.parquet"):
        write(source, tmp_path / name)


def test_a_column_of_that_name_is_never_overwritten(put, tmp_path):
    source = put("b.csv", "embedding,y\n1,2\n")
    with pytest.raises(UsageError, match="'embedding'"):
        write(source, tmp_path / "v.parquet")
