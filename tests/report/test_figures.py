from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from embedreg.report._figures import kendall_by_method, lipschitz_factors, predicted_against_actual, shortened
from embedreg.report._style import MARKERS, PALETTE, new_figure, styled, to_inline_svg, to_svg


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_svg_is_the_same_twice_and_has_no_date(comparison):
    first, second = (to_svg(kendall_by_method(comparison)) for _ in range(2))
    assert first == second
    assert "<metadata" not in first


def test_users_settings_and_backend_neither_show_nor_change(comparison):
    plain = to_svg(lipschitz_factors(comparison))
    with mpl.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path", "svg.hashsalt": None}
    ):
        before, backend = dict(mpl.rcParams), mpl.rcParams._get_backend_or_none()
        assert to_svg(lipschitz_factors(comparison)) == plain
        assert dict(mpl.rcParams) == before
        assert mpl.rcParams._get_backend_or_none() == backend


def test_ranking_lists_methods_best_on_top_without_the_mean(comparison):
    axes = kendall_by_method(comparison).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [m.name for m in comparison.methods if m.representation != "none"]
    top, bottom = axes.get_ylim()[::-1]
    assert top < bottom  # the first row is drawn at the top
    low, high = axes.get_xlim()
    assert low < 0 < high


def test_ranking_draws_means_intervals_and_seeds(comparison):
    drawn = [line.get_xdata() for line in kendall_by_method(comparison).axes[0].lines[1:]]
    for i, method in enumerate(m for m in comparison.methods if m.representation != "none"):
        tau = method.metrics["kendall_tau"]
        seeds, interval, mean = drawn[3 * i : 3 * i + 3]
        assert list(seeds) == tau.per_seed
        assert list(interval) == [tau.low, tau.high]
        assert list(mean) == [tau.mean]


@pytest.mark.parametrize("seeds", [1, 5])
def test_the_combination_has_a_mark_of_its_own_and_the_legend_fits(make_comparison, seeds):
    figure = kendall_by_method(make_comparison(combination=True, seeds=seeds))
    figure.canvas.draw()
    legend = figure.legends[0]
    assert sorted(text.get_text() for text in legend.get_texts())[:2] == ["95% interval", "combined"]
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    markers = {line.get_marker() for line in figure.axes[0].lines}
    assert MARKERS["both"][0] in markers


def test_zero_is_in_view_when_all_are_below_it(make_comparison):
    low, high = kendall_by_method(make_comparison(sign=-1.0)).axes[0].get_xlim()
    assert low < -0.5
    assert high > 0


def test_one_seed_needs_no_ticks_for_seeds(make_comparison):
    assert "one seed" in texts(to_svg(kendall_by_method(make_comparison(seeds=2))))
    assert "one seed" not in texts(to_svg(kendall_by_method(make_comparison(seeds=1))))


def test_undefined_tau_is_said(make_comparison):
    comparison = make_comparison(undefined=("kendall_tau",))
    assert any("undefined" in text for text in texts(to_svg(kendall_by_method(comparison))))
    assert "τ undefined" in texts(to_svg(predicted_against_actual(comparison, comparison.best_tabular)))


@pytest.mark.parametrize("case", [{}, {"scale": 1e12}, {"scale": 1e-9}, {"n_test": 2}, {"sign": -1.0}])
def test_panels_share_axes_that_hold_every_point(make_comparison, case):
    comparison = make_comparison(**case)
    best = (comparison.best_embedding, comparison.best_tabular)
    first, second = (predicted_against_actual(comparison, name).axes[0] for name in best)
    assert first.get_xlim() == first.get_ylim() == second.get_xlim() == second.get_ylim()
    low, high = first.get_xlim()
    shown = np.concatenate([comparison.predictions[name] for name in ("y", *best)])
    assert low < shown.min()
    assert high > shown.max()


def test_panel_shows_the_first_seeds_tau(comparison):
    name = comparison.best_embedding
    tau = comparison.method(name).metrics["kendall_tau"].per_seed[0]
    assert f"τ = {tau:.3f}" in texts(to_svg(predicted_against_actual(comparison, name)))


def test_equal_values_have_room_too(make_comparison):
    comparison = make_comparison()
    flat = dict.fromkeys(comparison.predictions, [3.0] * 50)
    comparison.predictions.update(flat)
    low, high = predicted_against_actual(comparison, comparison.best_tabular).axes[0].get_xlim()
    assert low < 3.0 < high


def test_targets_over_many_magnitudes_get_logarithmic_axes(make_comparison):
    comparison = make_comparison()
    values = np.geomspace(1e-3, 1e6, 50).tolist()
    comparison.predictions.update(dict.fromkeys(comparison.predictions, values))
    axes = predicted_against_actual(comparison, comparison.best_tabular).axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    comparison.predictions["y"][0] = -1.0
    axes = predicted_against_actual(comparison, comparison.best_tabular).axes[0]
    assert axes.get_xscale() == "linear"


def test_many_points_become_one_image(make_comparison):
    few, many = make_comparison(n_test=100), make_comparison(n_test=2500)
    assert "<image" not in to_svg(predicted_against_actual(few, few.best_tabular))
    assert "<image" in to_svg(predicted_against_actual(many, many.best_tabular))


@pytest.mark.parametrize(("heavy_tail", "scale"), [(False, "linear"), (True, "log")])
def test_factors_are_cumulative_shares_on_a_fitting_axis(make_comparison, heavy_tail, scale):
    comparison = make_comparison(factors=2000, heavy_tail=heavy_tail)
    axes = lipschitz_factors(comparison).axes[0]
    assert axes.get_xscale() == scale
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == ["embedding", "traditional features"]
    factors = np.array(comparison.smoothness["embedding"].factors)
    line, at = lines["embedding"], float(np.median(factors))
    share = line.get_ydata()[np.searchsorted(line.get_xdata(), at, side="right") - 1]
    assert share == pytest.approx(np.mean(factors <= at))
    assert (np.diff(line.get_xdata()) >= 0).all()
    assert np.max(line.get_xdata()) >= factors.max()


@pytest.mark.parametrize("factors", [[], [0.0], [1.0], [0.0, 0.0, 5.0]])
def test_few_factors_can_be_drawn(make_comparison, factors):
    comparison = make_comparison()
    for found in comparison.smoothness.values():
        found.factors[:] = factors
    figure = lipschitz_factors(comparison)
    assert len(figure.axes[0].lines) == (2 if factors else 0)
    ET.fromstring(to_svg(figure))


@pytest.mark.parametrize("target", ["$x_1", "価格 🙂", "<b>&\"'", "a\nb", "t" * 300, "\\frac{"])
def test_any_column_name_can_be_a_label(make_comparison, target):
    comparison = make_comparison(target=target)
    svg = to_svg(predicted_against_actual(comparison, comparison.best_tabular))
    assert f"actual {shortened(target, longest=24)}" in texts(svg)


@pytest.mark.parametrize("combination", [False, True])
@pytest.mark.parametrize("suffix", ["", " with a name that is a good deal longer than usual"])
def test_texts_do_not_overlap(make_comparison, suffix, combination):
    target = "a_rather_long_column_name_of_a_table"
    comparison = make_comparison(suffix=suffix, target=target, combination=combination)
    for figure in (
        kendall_by_method(comparison),
        predicted_against_actual(comparison, comparison.best_tabular),
        lipschitz_factors(comparison),
    ):
        figure.canvas.draw()
        axes = figure.axes[0]
        labels = [
            *axes.get_xticklabels(),
            *axes.get_yticklabels(),
            axes.xaxis.label,
            axes.yaxis.label,
            axes.title,
        ]
        boxes = [label.get_window_extent() for label in [*labels, *axes.texts] if label.get_text()]
        assert len(boxes) > 5
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[i + 1 :])


def test_representations_differ_in_grey():
    shapes = {shape for shape, _ in MARKERS.values()}
    assert len(shapes) == len(MARKERS)
    grey = {
        kind: float(np.dot(to_rgb(PALETTE[fill]), [0.299, 0.587, 0.114]))
        for kind, (_, fill) in MARKERS.items()
    }
    assert abs(grey["embedding"] - grey["tabular"]) > 0.4


def test_inline_svg_takes_colours_and_font_from_the_page_and_keeps_texts():
    @styled
    def draw():
        figure, axes = new_figure(height=2)
        axes.plot([0, 1], color=PALETTE["embedding"])
        axes.set_title('id="a" #0a6c8f url(#b) href="#c"')
        return figure

    inline = to_inline_svg(draw(), "one", 'a "label" <b>')
    assert inline.startswith('<svg viewBox="')
    assert 'aria-label="a &quot;label&quot; &lt;b&gt;"' in inline
    assert "stroke: var(--embedding, #0a6c8f)" in inline
    assert "DejaVu" not in inline
    assert "http" not in inline
    assert "<style" not in inline
    assert 'id="a" #0a6c8f url(#b) href="#c"' in inline  # a text is not a tag
    ids = re.findall(r'<[^>]*\bid="([^"]+)"', inline)
    assert ids
    assert all(name.startswith("one-") for name in ids)


def test_colours_by_role_are_told_apart_by_their_codes():
    codes = list(PALETTE.values())
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"#[0-9a-f]{6}", code) for code in codes)
