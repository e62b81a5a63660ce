from __future__ import annotations

import base64
import builtins
import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import pytest

from embedreg.core.errors import OutputError, UsageError
from embedreg.report import require_report_packages, save_comparison, write_comparison_report

VOID = {"meta", "br", "hr", "img", "link", "input"}
EVIL = '<script>alert(1)</script>"\'&$x_1$ id="a #1c2330'


class Page(HTMLParser):
    """A page taken apart: its elements and texts. Every element must be closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self) -> str:
        return " ".join(data for tag, data in self.texts if tag not in {"script", "style"})


@pytest.fixture
def write(tmp_path):
    def written(comparison) -> str:
        path = write_comparison_report(comparison, tmp_path / "report.html")
        assert path == tmp_path / "report.html"
        return path.read_text(encoding="utf-8")

    return written


def downloads(page: Page) -> dict[str, str]:
    links = [a for a in page.all("a") if "download" in a]
    return {a["download"]: base64.b64decode(a["href"].partition("base64,")[2]).decode() for a in links}


CASES = {
    "plain": {},
    "one seed": {"seeds": 1},
    "all below zero": {"sign": -1.0},
    "huge": {"scale": 1e12},
    "tiny": {"scale": 1e-9},
    "long": {
        "target": "t" * 300,
        "path": "d/" * 60 + "f" * 200,
        "suffix": " " + "x" * 90,
        "verdict": "Long. " * 200,
    },
    "undefined r2": {"undefined": ("r2",)},
    "undefined tau": {"undefined": ("kendall_tau",)},
    "2,000 factors": {"factors": 2000, "heavy_tail": True},
    "no factors": {"factors": 0},
    "two test rows": {"n_test": 2, "seeds": 2},
    "combination": {"combination": True},
    "many test rows": {"n_test": 2500},
    "evil": {"target": EVIL, "path": f"/tmp/{EVIL}.csv", "warnings": [EVIL], "suffix": EVIL, "verdict": EVIL},
    "other scripts": {"target": "価格 ціна 🙂\n\t", "path": "donn\udce9es.csv"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_page_is_well_formed_and_self_contained(make_comparison, write, case):
    comparison = make_comparison(**case)
    text = write(comparison)
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("title", "h1", "main")] == [1, 1, 1]
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(set(ids)) == len(ids)
    assert not {"link", "img", "iframe", "object"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            value = attributes.get(name)
            if value and not value.startswith(("#", "data:")):
                assert (tag, value) == ("a", "https://arxiv.org/abs/2411.14708")
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    inner = set(re.findall(r'<[^<>]*href="#([^"]+)"', text)) | set(
        re.findall(r"<[^<>]*url\(#([^)]+)\)", text)
    )
    assert inner | {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a} <= set(ids)


def test_everything_asked_for_is_there_in_order(comparison, write):
    text = Page(write(dataclasses.replace(comparison, warnings=["12 rows repeat."]))).text()
    wanted = [
        "fashion_mnist.csv",
        comparison.verdict,
        "12 rows repeat.",
        "500 of 6,000",
        "Kendall tau on test rows",
        "All scores on test rows",
        "Predicted against actual",
        "Why",
        comparison.smoothness_sentence,
        "How it was done",
        "Nadeau and Bengio",
        comparison.data["example_text"],
        "Chosen configurations",
        '"model_sha256"',
        comparison.settings["command"],
        "Wall time",
    ]
    position = 0
    for item in wanted:
        assert item in text, item
        found = text.find(item, position)
        assert found >= 0, f"{item!r} comes too early"
        position = found


def test_table_has_every_method_and_number(comparison, write):
    text = write(comparison)
    body = text[text.index("<tbody>") : text.index("</tbody>")]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    assert len(rows) == len(comparison.methods)
    for row, method in zip(rows, comparison.methods, strict=True):
        assert method.name in row
        sort_keys = re.findall(r'data-sort="([^"]*)"', row)
        order = ["kendall_tau", None, None, "spearman", "pearson", "r2", "rmse", "mae"]
        for key, sort_key in zip(order, sort_keys, strict=False):
            if key:
                assert float(sort_key) == method.metrics[key].mean
        tau = method.metrics["kendall_tau"]
        assert f"{tau.mean:.3f}" in row
        assert f"{tau.low:.3f} to {tau.high:.3f}" in row
        if method.difference:
            assert [float(k) for k in sort_keys[1:3]] == [
                method.difference.mean,
                method.difference.p_adjusted,
            ]
        else:
            assert sort_keys[1:3] == ["", ""]


def test_users_text_is_escaped_everywhere(make_comparison, write):
    comparison = make_comparison(**CASES["evil"])
    text = write(comparison)
    page = Page(text)
    assert len(page.all("script")) == 1
    assert "<script>alert" not in text
    assert EVIL in page.text()
    assert comparison.data["path"] in page.text()
    label = next(data for tag, data in page.texts if tag == "text" and data.startswith("actual"))
    assert label.startswith("actual <script>alert(1)</scr")


def test_figures_are_labelled_and_have_no_clashing_ids(comparison, write):
    page = Page(write(comparison))
    figures = page.all("svg")
    assert len(figures) == 4
    assert all(f["role"] == "img" and f["aria-label"] for f in figures)
    assert {comparison.best_embedding, comparison.best_tabular} == {
        f["aria-label"].partition(": ")[2] for f in figures if ": " in f["aria-label"]
    }


def test_downloads_hold_all_numbers(make_comparison, write):
    comparison = make_comparison(undefined=("r2",))
    files = downloads(Page(write(comparison)))
    found = json.loads(files["comparison.json"], parse_constant=pytest.fail)
    assert found["schema"] == 1
    assert found["verdict"] == comparison.verdict
    assert found["methods"][0]["metrics"]["r2"]["mean"] is None
    predictions = list(csv.DictReader(io.StringIO(files["predictions_first_seed.csv"])))
    assert [float(row["y"]) for row in predictions] == comparison.predictions["y"]
    best = comparison.best_embedding
    assert [float(row[best]) for row in predictions] == comparison.predictions[best]
    factors = list(csv.DictReader(io.StringIO(files["lipschitz_factors.csv"])))
    for name, smoothness in comparison.smoothness.items():
        assert [
            float(r["lipschitz_factor"]) for r in factors if r["representation"] == name
        ] == smoothness.factors
    seeds = list(csv.DictReader(io.StringIO(files["rows.csv"])))
    mine = [float(r["value"]) for r in seeds if (r["method"], r["metric"]) == (best, "kendall_tau")]
    assert mine == comparison.method(best).metrics["kendall_tau"].per_seed
    methods = list(csv.DictReader(io.StringIO(files["methods.csv"])))
    tau = next(r for r in methods if (r["method"], r["metric"]) == (best, "kendall_tau"))
    interval = comparison.method(best).metrics["kendall_tau"]
    assert [float(tau[c]) for c in ("mean", "low", "high")] == [interval.mean, interval.low, interval.high]


def test_the_combination_has_a_sentence_a_row_and_its_members(make_comparison, write):
    comparison = make_comparison(combination=True)
    text = write(comparison)
    shown = Page(text).text()
    assert "<code>embedreg fit</code> makes is 0.05 ahead." in text
    assert shown.index(comparison.verdict) < shown.index("The combination that") < shown.index("All scores")
    section = text[text.index('<h2 id="both">') : text.index('<h2 id="predictions">')]
    assert "embedreg fit --effort fast" in section
    assert re.findall(r'class="dot (\w+)".*?</span>([\w ]+)</span></th><td>([\d.]+)', section) == [
        ("tabular", "boosted trees", "0.40"),
        ("embedding", "ridge on fields", "0.60"),
    ]
    assert "fitted to training and validation rows together" in " ".join(shown.split())
    assert "boosted trees = 0.4, ridge on fields = 0.6 (seed 0)" in shown
    found = json.loads(downloads(Page(text))["comparison.json"])
    assert found["combination_sentence"] == comparison.combination_sentence
    assert found["schema"] == 1


def test_without_a_combination_nothing_is_said_of_one(comparison, write):
    text = write(comparison)
    assert "The combination" not in text


def test_settings_are_shown_as_strict_json(comparison, write):
    page = Page(write(comparison))
    shown = next(data for tag, data in page.texts if tag == "pre" and data.startswith("{\n"))
    assert json.loads(shown) == comparison.settings


def test_same_comparison_same_bytes(comparison, write, tmp_path):
    first = write(comparison)
    again = write_comparison_report(comparison, tmp_path / "again.html").read_text(encoding="utf-8")
    assert first == again


def test_warnings_appear_only_if_there_are_any(make_comparison, write):
    assert "Please note" not in write(make_comparison())
    assert "Please note" in write(make_comparison(warnings=["12 rows repeat the input of another row"]))


def test_chosen_configurations_name_their_seeds_when_they_differ(comparison, write):
    first = comparison.methods[0]
    chosen = [{"penalty": 0.5}, {"penalty": 2.0}, {"penalty": 0.5}, {"penalty": 0.5}, {"penalty": 2.0}]
    changed = dataclasses.replace(first, chosen=chosen)
    text = Page(write(dataclasses.replace(comparison, methods=[changed, *comparison.methods[1:]]))).text()
    assert "penalty = 0.5 (seed 0, 2, 3)" in text
    assert "penalty = 2 (seed 1, 4)" in text
    assert "penalty = 0.1235" in text  # the same for all seeds: named once, without them
    assert "penalty = 0.1235 (seed" not in text


def test_facts_that_are_not_known_are_left_out(comparison, write):
    bare = dataclasses.replace(comparison, data={"path": "a.csv", "target": "y"}, settings={}, seconds={})
    text = Page(write(bare)).text()
    assert "predicting" in text
    assert "distinct inputs" not in text
    assert "To repeat it" not in text
    assert "None" not in text


def test_no_factors_say_so(make_comparison, write):
    text = write(make_comparison(factors=0))
    assert "nothing to draw" in text
    assert len(Page(text).all("svg")) == 3


def test_repeated_vectors_are_counted(comparison, write):
    smoothness = {
        name: dataclasses.replace(found, repeated=4321, without_factor=0)
        for name, found in comparison.smoothness.items()
    }
    text = Page(write(dataclasses.replace(comparison, smoothness=smoothness))).text()
    assert "Rows with a repeated vector" in text
    assert text.count("4,321") == 2


def test_existing_file_is_replaced(comparison, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_comparison_report(comparison, path)
    assert "old" not in path.read_text(encoding="utf-8")[:10]
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_missing_folder_is_an_output_error(comparison, tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        write_comparison_report(comparison, tmp_path / "nowhere" / "report.html")


def test_save_writes_page_and_numbers(comparison, tmp_path):
    page = save_comparison(comparison, tmp_path / "new" / "folder")
    assert page == tmp_path / "new" / "folder" / "report.html"
    linked = downloads(Page(page.read_text(encoding="utf-8")))
    saved = {p.name: p.read_text(encoding="utf-8") for p in page.parent.iterdir() if p != page}
    assert saved == linked


def test_save_to_a_file_is_an_output_error(comparison, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        save_comparison(comparison, tmp_path / "taken")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_missing_extra_says_what_to_install(comparison, tmp_path, monkeypatch, package):
    real_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=re.escape("pip install 'embedreg[report]'")) as error:
        write_comparison_report(comparison, tmp_path / "report.html")
    assert package in error.value.got
    with pytest.raises(UsageError):
        require_report_packages()
    with pytest.raises(UsageError):
        save_comparison(comparison, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_commands_in_sentences_are_shown_as_code_and_names_stay_escaped(write, comparison):
    said = "The target looks smoother; `embedreg smoothness` tells about <b>."
    html = write(dataclasses.replace(comparison, smoothness_sentence=said))
    assert "<code>embedreg smoothness</code> tells about &lt;b&gt;." in html
