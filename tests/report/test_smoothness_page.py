"""The page, the table and the figures on smoothness."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from embedreg.core.errors import OutputError
from embedreg.report import (
    SmoothnessFacts,
    distance_profile_figure,
    rugged_surface_figure,
    save_smoothness,
    smoothness_json,
    smoothness_table,
    to_svg,
)
from embedreg.report._smoothness_figures import factor_histograms
from embedreg.smoothness import (
    GapInterval,
    RepresentationSmoothness,
    distance_profile,
    nlfd,
    rugged_surface,
    smoothness_gap_interval,
)

EVIL = "<script>alert(1)</script>\"'& $x_1$ `id`"


def smoothness_of(n=40, *, equal=False, records=None, heavy=False):
    rng = np.random.default_rng(0)
    tabular = np.ones((n, 3)) if equal else rng.normal(size=(n, 3))
    y = np.exp(3 * tabular[:, 0] * heavy) + rng.normal(size=n)
    vectors = {"embedding": rng.normal(size=(n, 8)), "tabular": tabular}
    return RepresentationSmoothness(
        records=records or n,
        rows=np.arange(n),
        distinct_inputs=n,
        y=y,
        vectors=vectors,
        distributions={name: nlfd(v, y) for name, v in vectors.items()},
        gap=smoothness_gap_interval(tabular, vectors["embedding"], y, splits=3),
    )


def facts(**changed):
    return SmoothnessFacts(
        **{
            "path": "d/knobs.csv",
            "sha256": "9f" * 32,
            "target": "tps",
            "input": "columns a",
            "model": "minilm",
        }
        | changed
    )


class Text(HTMLParser):
    """All that a reader sees."""

    def __init__(self, page):
        super().__init__()
        self.parts = []
        self.feed(page)

    def handle_data(self, data):
        self.parts.append(data)

    def __str__(self):
        return " ".join(" ".join(self.parts).split())


def page_of(tmp_path, found, about):
    path = save_smoothness(found, about, tmp_path)
    return path.read_text(encoding="utf-8")


CASES = {
    "plain": ({}, {}),
    "heavy tail": ({"heavy": True}, {}),
    "few": ({"n": 4}, {}),
    "undefined": ({"equal": True}, {}),
    "sampled": ({"records": 1234}, {"command": "embedreg smoothness knobs.csv"}),
    "evil": ({}, {"target": EVIL, "path": f"/{EVIL}.csv", "input": EVIL, "command": EVIL}),
    "other scripts": ({}, {"target": "価格 ціна", "path": "donn\udce9es.csv"}),
}


@pytest.mark.parametrize(("found", "about"), CASES.values(), ids=CASES)
def test_page_is_self_contained_and_says_what_the_table_says(tmp_path, found, about):
    found, about = smoothness_of(**found), facts(**about)
    page = page_of(tmp_path, found, about)
    text = str(Text(page))
    assert "<script" not in page  # none of ours, and none of the user's
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert {link for link in links if not link.startswith(("#", "data:"))} == {
        "https://arxiv.org/abs/2411.14708"
    }
    ids = re.findall(r'<[^<>]*\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert page.count("<svg") == 3
    assert "<image" not in page  # vectors only
    assert found.sentence in text
    for name in ("embedding", "traditional features"):
        assert name in text
    assert "Rows with a repeated vector" in text
    if found.sampled:
        assert "a random 40 of 1,234 rows" in text
        assert "a random 40 of 1,234 rows" in smoothness_table(found, about)


def test_numbers_are_beside_the_page_and_in_it(tmp_path):
    found = smoothness_of()
    page_of(tmp_path, found, facts())
    with (tmp_path / "rugged_surfaces.csv").open() as file:
        surfaces = list(csv.DictReader(file))
    assert {row["representation"] for row in surfaces} == {"embedding", "tabular"}
    assert len(surfaces) == 80
    factors = list(csv.DictReader(io.StringIO((tmp_path / "smoothness_factors.csv").read_text())))
    np.testing.assert_allclose(
        [float(row["tabular_factor"]) for row in factors], found.distributions["tabular"].factors
    )
    assert (tmp_path / "smoothness.json").read_text() == smoothness_json(found, facts())


def test_undefined_numbers_are_null_in_json():
    document = json.loads(smoothness_json(smoothness_of(equal=True), facts()))
    assert document["smoothness_gap"]["value"] is None
    assert document["representations"]["tabular"]["without_factor"] == 40


def test_the_table_is_aligned_and_complete():
    table = smoothness_table(smoothness_of(), facts())
    heading, embedding, tabular = table.splitlines()[2:5]
    assert len(heading) == len(embedding) == len(tabular)
    assert "95% interval" in table
    assert "without an interval" in smoothness_table(smoothness_of(equal=True), facts())


def texts_of(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", to_svg(figure))


def test_histograms_are_on_one_axis_and_told_apart_without_colour():
    found = smoothness_of(200)
    figure = factor_histograms(found.distributions)
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    hatched = [axes.patches[0].get_hatch() for axes in figure.axes]
    assert hatched == [None, "////"]
    for axes, nlfd_ in zip(figure.axes, found.distributions.values(), strict=True):
        assert axes.patches[0].get_data().values.sum() == pytest.approx(1)
        assert axes.lines[0].get_xdata()[0] == pytest.approx(nlfd_.mean)
    assert "share of records" in texts_of(figure)


def test_factors_left_of_a_logarithmic_axis_are_in_the_first_bar():
    y = np.array([0.0, 0.0, *10.0 ** np.arange(-3, 5)])
    found = {"embedding": nlfd(np.arange(10.0)[:, None], y)}
    (axes,) = factor_histograms(found).axes
    assert axes.get_xscale() == "log"
    assert axes.patches[0].get_data().values.sum() == pytest.approx(1)


def test_a_surface_says_how_it_was_laid_out_and_what_its_colours_are():
    rng = np.random.default_rng(0)
    y = rng.normal(size=40)
    said = texts_of(rugged_surface_figure(rugged_surface(rng.normal(size=(40, 4)), y), "embedding", "tps"))
    assert "t-SNE of 40 records" in said
    assert any("tps" in text for text in said)
    few = rugged_surface(rng.normal(size=(5, 4)), y[:5])
    assert "PCA of 5 records, as fewer than 10 distinct vectors" in texts_of(rugged_surface_figure(few))


def test_colours_follow_the_rank_of_y():
    surface = rugged_surface(np.random.default_rng(0).normal(size=(6, 3)), [3.0, 1.0, 2.0, 1e9, 1.0, 0.0])
    (shown,) = rugged_surface_figure(surface).axes[0].collections
    assert shown.get_array().tolist() == pytest.approx([9 / 12, 4 / 12, 7 / 12, 11 / 12, 4 / 12, 1 / 12])


def test_a_distance_profile_is_labelled():
    profile = distance_profile(np.sin, np.zeros(4), [0.5, 1, 2], samples=10)
    figure = distance_profile_figure(profile)
    said = texts_of(figure)
    assert {"embedding distance", "input distance to the reference point", "median"} <= set(said)
    median = figure.axes[0].lines[1]
    np.testing.assert_allclose(median.get_ydata(), profile.embedding_quantiles[:, 2])


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        save_smoothness(smoothness_of(), facts(), tmp_path / "taken")


def test_no_interval_is_said():
    found = smoothness_of()
    bare = RepresentationSmoothness(
        **vars(found) | {"gap": GapInterval(0.5, float("nan"), float("nan"), 0.95)}
    )
    assert "+0.500, without an interval" in smoothness_table(bare, facts())
