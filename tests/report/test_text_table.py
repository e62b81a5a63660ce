from __future__ import annotations

import dataclasses
import math
import re
import subprocess
import sys

import pytest

from embedreg.report import comparison_table

CASES = [
    {},
    {"seeds": 1},
    {"sign": -1.0},
    {"scale": 1e12, "sign": -1.0},
    {"scale": 1e-9},
    {"suffix": " on all-MiniLM-L6-v2 with every layer"},
    {"undefined": ("r2", "kendall_tau")},
    {"combination": True},
    {"n_test": 2, "seeds": 2},
]


def rows_of(table: str) -> list[str]:
    """Return the lines between the rule and the footnote."""
    head = table.split("\n\n", maxsplit=1)[0]
    return head.splitlines()[2:]


@pytest.mark.parametrize("case", CASES)
def test_no_line_is_wider_than_120_columns(make_comparison, case):
    table = comparison_table(make_comparison(**case))
    assert max(map(len, table.splitlines())) <= 120
    assert table.isascii()
    assert not table.endswith("\n")


@pytest.mark.parametrize("case", CASES)
def test_columns_are_aligned(make_comparison, case):
    lines = comparison_table(make_comparison(**case)).split("\n\n")[0].splitlines()
    header, rule, rows = lines[0], lines[1], lines[2:]
    assert rule == "-" * len(header)
    ends = [m.end() for m in re.finditer(r"95% interval|\S+", header)][1:]
    numbered = [row for row in rows if len(row) == len(header)]
    assert numbered
    for row in numbered:
        assert all(row[end : end + 2].strip() == "" for end in ends)
        assert all(row[end - 1] != " " for end in (ends[0], ends[-1]))


def test_rows_come_in_the_order_of_the_comparison_with_its_numbers(comparison):
    rows = rows_of(comparison_table(comparison))
    assert len(rows) == len(comparison.methods)
    for row, method in zip(rows, comparison.methods, strict=True):
        assert row.startswith(method.name)
        tau = method.metrics["kendall_tau"]
        numbers = [float(n) for n in re.findall(r"[-+]?\d+\.?\d*(?:e[-+]\d+)?", row[len(method.name) :])]
        assert numbers[:3] == pytest.approx([tau.mean, tau.low, tau.high], abs=6e-4)
        others = [method.metrics[key].mean for key in ("spearman", "pearson", "r2", "rmse", "mae")]
        assert numbers[3:8] == pytest.approx(others, abs=6e-4)
        assert numbers[-1] == pytest.approx(method.seconds, abs=0.06)
        if method.difference is not None and method.difference.p_adjusted >= 0.001:
            assert numbers[8] == pytest.approx(method.difference.mean, abs=6e-4)
            assert numbers[9] == pytest.approx(method.difference.p_adjusted, abs=6e-4)


def test_the_best_traditional_method_is_the_reference(comparison):
    table = comparison_table(comparison)
    marked = [row for row in rows_of(table) if " ref " in row]
    assert [row.split("  ")[0] for row in marked] == [comparison.best_tabular]
    assert comparison.best_tabular in " ".join(table.split("\n\n")[1].split())


def test_small_p_values_are_bounds(make_comparison):
    assert "<0.001" in comparison_table(make_comparison(sign=-1.0))


def test_undefined_numbers_read_as_such(make_comparison):
    table = comparison_table(make_comparison(undefined=("r2",)))
    assert all(row.count("n/a") == 1 for row in rows_of(table))
    assert "nan" not in table


def test_one_seed_has_no_p_value(make_comparison):
    table = comparison_table(make_comparison(seeds=1))
    assert "one seed" in table
    rows = [row for row in rows_of(table) if "ref" not in row and not row.startswith("mean of y")]
    assert all("n/a" in row for row in rows)


@pytest.mark.parametrize(
    ("seeds", "said", "unsaid"), [(1, "paired bootstrap", "t-test"), (3, "resampled t-test", "bootstrap")]
)
def test_the_footnote_names_the_test_that_was_made(make_comparison, seeds, said, unsaid):
    table = comparison_table(make_comparison(seeds=seeds))
    assert said in table
    assert unsaid not in table


def test_a_long_name_is_wrapped_and_not_cut(make_comparison):
    comparison = make_comparison(suffix=" on all-MiniLM-L6-v2 with every layer")
    rows = rows_of(comparison_table(comparison))
    width = next(i for i, c in enumerate(comparison_table(comparison)) if c == "\n")
    names, current = [], ""
    for row in rows:
        if len(row) == width:
            names.append(current)
            current = re.split(r"\s{2,}", row)[0]
        else:
            current += row if current.endswith("-") else f" {row}"
    names.append(current)
    assert names[1:] == [method.name for method in comparison.methods]


def test_a_metric_that_was_not_taken_is_undefined(comparison):
    first = comparison.methods[0]
    bare = dataclasses.replace(first, metrics={"kendall_tau": first.metrics["kendall_tau"]})
    table = comparison_table(dataclasses.replace(comparison, methods=[bare]))
    assert rows_of(table)[0].count("n/a") == 5


def test_no_methods_leave_a_heading(comparison):
    table = comparison_table(dataclasses.replace(comparison, methods=[]))
    assert table.startswith("method")
    assert rows_of(table) == []


def test_undefined_p_with_a_difference(make_comparison):
    comparison = make_comparison(seeds=1)
    assert any(m.difference and math.isnan(m.difference.p_adjusted) for m in comparison.methods)
    assert "nan" not in comparison_table(comparison)


def test_the_table_needs_neither_jinja2_nor_matplotlib():
    code = (
        "import sys; sys.modules['jinja2'] = sys.modules['matplotlib'] = None;"
        "from embedreg.report import comparison_table; print(comparison_table.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "comparison_table"
