from __future__ import annotations

import gzip

import pytest

from embedreg.core.errors import DataError
from embedreg.tasks.formats import open_source


def rows(path):
    return [row.cells for row in open_source(path).rows()]


def test_cells_are_read_as_they_stand(put):
    path = put("a.csv", 'name,code,y\n" x ",007,1.50\n"two\nlines, ""quoted""",NA,2\n')
    assert rows(path) == [
        {"name": " x ", "code": "007", "y": "1.50"},
        {"name": 'two\nlines, "quoted"', "code": "NA", "y": "2"},
    ]


def test_rows_know_their_number_and_the_line_they_begin_on(put):
    path = put("a.csv", 'a,b\n\n"1\n2",x\n\n\n3,y\n')
    assert [(row.number, row.line) for row in open_source(path).rows()] == [(1, 3), (2, 7)]
    assert next(open_source(path).rows()).place == "row 1 (line 3)"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends(put, end):
    assert rows(put("a.csv", end.join(["a,b", "1,2", "3,4", ""]))) == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
    ]


def test_no_line_end_at_the_end(put):
    assert rows(put("a.csv", "a,b\n1,2")) == [{"a": "1", "b": "2"}]


def test_byte_order_mark(put):
    path = put("a.csv", b'\xef\xbb\xbf"a",b\n1,2\n')
    assert open_source(path).names == ("a", "b")


def test_tabs(put):
    assert rows(put("a.tsv", 'a\tb\n1,5\t"x\ty"\n')) == [{"a": "1,5", "b": "x\ty"}]


@pytest.mark.parametrize("name", ["a.csv.gz", "A.CSV.GZ"])
def test_gzip(put, name):
    assert rows(put(name, gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))) == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
    ]


def test_a_cell_longer_than_the_csv_modules_limit(put):
    text = "word " * 40_000
    assert rows(put("a.csv", f"t,y\n{text},1\n")) == [{"t": text, "y": "1"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,y\n1,2\n3\n", "1 instead of 2 cells in the row at line 3"),
        ('a,y\n"1\n",2\n3,4,5\n', "3 instead of 2 cells in the row at line 4"),
        ('a,y\n1,2\n"3,4\n5,6\n', "at line 3"),
        ('a,y\n"3"x,4\n', "at line 2"),
        ("a,b,a,y\n", "'a' more than once"),
        ("\n\n", "only blank lines"),
    ],
    ids=["short row", "long row", "open quote", "text after a quote", "duplicate names", "no header"],
)
def test_bad_csv(put, content, said):
    path = put("bad.csv", content)
    with pytest.raises(DataError, match=said) as error:
        rows(path)
    assert "bad.csv" in str(error.value)


def test_wrong_encoding_names_byte_and_line(put):
    with pytest.raises(DataError, match=r"byte 0xe9 on line 3 .*UTF-8.*iconv"):
        rows(put("a.csv", "a,y\nx,1\ncafé,2\n".encode("latin1")))


def test_wrong_encoding_inside_gzip(put):
    with pytest.raises(DataError, match="byte 0xe9 on line 2"):
        rows(put("a.csv.gz", gzip.compress("a,y\ncafé,2\n".encode("latin1"))))


def test_a_character_cut_off_at_the_end(put):
    with pytest.raises(DataError, match="byte 0xc3 on line 2"):
        rows(put("a.csv", "a,y\ncafé".encode()[:-1]))


def test_gzip_under_the_name_of_plain_text(put):
    with pytest.raises(DataError, match=r"rename it to a\.csv\.gz"):
        rows(put("a.csv", gzip.compress(b"a,y\n1,2\n")))


def test_a_file_that_may_not_be_read(put, monkeypatch):
    path = put("a.csv", "a,y\n1,2\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(DataError, match=r"Permission denied while reading .*a\.csv"):
        rows(path)


def test_gzip_damage(put):
    whole = gzip.compress("\n".join(["a,y"] + [f"{i},{i * 7919 % 1009}" for i in range(5000)]).encode())
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], bytes(damaged), b"a,y\n1,2\n"):
        with pytest.raises(DataError, match="gzip -t"):
            rows(put("a.csv.gz", content))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_utf_16_is_called_so(put, name, encoding):
    content = "\ufeffa,y\ncafé,2\n".encode(encoding)
    with pytest.raises(DataError, match="UTF-16 in .*iconv -f utf-16"):
        rows(put(name, gzip.compress(content) if name.endswith(".gz") else content))


@pytest.mark.parametrize("content", ['"a";"b, c";"y"\n"1";"2";"3"\n', '"a"|"y"\r\n"1"|"2"\r\n'])
def test_a_quoted_header_with_another_delimiter(put, content):
    delimiter = content[3]
    with pytest.raises(DataError, match=f"looks separated by '[{delimiter}]'.*save it comma-separated"):
        rows(put("a.csv", content))
