import dataclasses
import itertools

import matplotlib
import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from cgt.analysis import style
from cgt.analysis.figures import FIGURES, draw, draw_all
from cgt.analysis.figures.gradients import pairs_of
from cgt.analysis.figures.off_scale import off_scale
from cgt.analysis.style import RC, dataset_name, lay_out, looks, save


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_one_seed_one_dataset_and_a_strange_method_can_be_drawn(name, one_seed):
    figure = draw(name, one_seed)
    assert not [band for ax in figure.axes for band in ax.collections if band.get_alpha() == 0.15]
    assert "one seed, no interval" in figure.legends[0].get_title().get_text()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_axes_are_labelled_on_the_page_and_the_legend_covers_no_data(name, frames):
    figure = draw(name, frames)
    lay_out(figure)
    with matplotlib.rc_context(RC):
        figure.draw_without_rendering()
    page = figure.bbox.padded(1)
    assert all(
        page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        if (box := axis.get_tightbbox())
    )
    legend = figure.legends[0].get_window_extent()
    assert all(not legend.overlaps(ax.get_window_extent()) for ax in figure.axes)
    assert any(ax.get_xlabel() for ax in figure.axes)
    assert any(ax.get_ylabel() or ax.get_yticklabels() for ax in figure.axes)
    assert "over 2 seeds" in figure.legends[0].get_title().get_text()


def colors(lines):
    return {matplotlib.colors.to_hex(line.get_color()) for line in lines}


def test_every_method_is_in_the_accuracy_panels(frames):
    names = ["Single exit", "BranchyNet", "CO", "ClassyNet", "HardCGT", "SoftCGT"]
    known = looks(frames["exits"]["method"])
    own = {look.color for look in known.values() if look.name in names}
    for name, more in (("accuracy_cost", ["Static", "Oracle"]), ("accuracy_exits", [])):
        figure = draw(name, frames)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == names + more
        for ax in figure.axes:
            assert colors(ax.lines) - {known["static"].color} == own
            bands = [band for band in ax.collections if band.get_alpha() == 0.15]
            crowded = any("not drawn" in text.get_text() for text in ax.texts)
            assert len(bands) == (0 if crowded else len(names))


def test_bands_that_would_hide_the_curves_are_printed_instead(frames):
    def noisy(by):
        curves, points = frames["curves"], frames["operating_points"]
        shift = {1: -by, 2: by}  # of two seeds: their 95 % interval is 12.7 times as wide
        changed = {
            name: frame.assign(accuracy=0.7 + frame["seed"].map(shift))
            for name, frame in (("curves", curves), ("operating_points", points))
        }
        return draw("accuracy_exits", frames | changed).axes[0]

    def bands(ax):
        return [band for band in ax.collections if band.get_alpha() == 0.15]

    calm, crowded = noisy(1e-5), noisy(0.02)
    assert bands(calm) and not calm.texts
    assert not bands(crowded)
    (text,) = crowded.texts
    assert text.get_text() == "intervals of the curves: about ±25.4 points, not drawn"


def test_one_method_far_off_does_not_stretch_the_scale(frames):
    far = frames["areas"]["method"] == "classynet"
    areas = frames["areas"]
    shifted = areas.assign(mean_budget_accuracy=areas["mean_budget_accuracy"] - 100 * far)
    ax = draw("comparisons", frames | {"areas": shifted}).axes[0]
    low, high = ax.get_xlim()
    assert -10 < low < 0 < high < 10
    (text,) = [text.get_text() for text in ax.texts if text.get_text()]
    assert text.startswith(("−100", "−99")) and " ± " in text


@pytest.mark.parametrize(
    ("last", "beyond"),
    [
        (-8.1, True),  # more than four times the median of 2, twice the 4 of the next
        (-7.9, False),
        (7.9, False),
        (8.1, True),
    ],
)
def test_off_scale_is_what_reaches_far_beyond_the_others(last, beyond):
    mean = pd.Series([1.0, -1.0, 0.5, 4.0, last])
    half = pd.Series([1.0, 1.0, 0.5, np.nan, 0.0])
    assert off_scale(mean, half).tolist() == [False] * 4 + [beyond]


def test_a_scale_that_grows_step_by_step_is_shown_whole():
    mean = pd.Series([1.0, 1.0, 1.0, 3.9, 7.0])  # 7 is far from the median, not from 3.9
    assert not off_scale(mean, 0 * mean).any()
    assert not off_scale(0 * mean, 0 * mean).any()


def test_a_gradient_that_vanishes_leaves_a_gap(frames):
    gone = frames["gradients"]["epoch"] == 5
    gradients = frames["gradients"].assign(norm=frames["gradients"]["norm"].where(~gone, 0.0))
    line = draw("gradients", frames | {"gradients": gradients}).axes[0].lines[0]
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [4]


def test_gradient_norms_are_geometric_means(frames):
    rows = frames["gradients"].query(
        "dataset == 'fashion_mnist' and method == 'branchynet' and stage == 1"
        " and exit == 1 and other == 1 and epoch == 1"
    )
    line = draw("gradients", frames).axes[0].lines[0]
    assert line.get_ydata()[0] == pytest.approx(np.sqrt(rows["norm"].prod()))


def test_accuracy_cost_shows_side_by_side_networks_and_the_oracle_inside_the_axes(frames):
    exits, oracle = frames["exits"].query("method == 'static'"), frames["oracle"]
    for ax, dataset in zip(
        draw("accuracy_cost", frames).axes, looks(frames["exits"]["dataset"]), strict=True
    ):
        (static,) = [line for line in ax.lines if line.get_marker() == "P"]
        own = exits[exits["dataset"] == dataset].groupby("exit")
        assert static.get_ydata() == pytest.approx(own["accuracy"].mean().to_numpy())
        assert static.get_xdata() == pytest.approx(own["macs"].mean().to_numpy() / 1000)
        stars = [line for line in ax.lines if line.get_marker() == "*"]
        heights = [line.get_ydata().item() for line in stars]
        expected = oracle[oracle["dataset"] == dataset].groupby("method")["accuracy"].mean()
        assert sorted(heights) == pytest.approx(sorted(expected))
        assert max(heights) < ax.get_ylim()[1]


def test_overthinking_bars_have_the_lengths_of_the_table(frames):
    figure = draw("overthinking", frames)
    expected = frames["overthinking"].query(
        "dataset == 'fashion_mnist' and method == 'hard_cgt' and point == 'threshold_0.9'"
    )
    color = looks(["hard_cgt"])["hard_cgt"].color
    for ax, quantity in ((figure.axes[0], "wasteful"), (figure.axes[3], "destructive")):
        _, bar = [
            bar for bar in ax.patches if matplotlib.colors.to_hex(bar.get_facecolor()) == color
        ]
        assert bar.get_width() == pytest.approx(expected[quantity].mean())


def test_calibration_pools_the_bins_of_all_seeds(frames):
    bins = frames["reliability"].query(
        "dataset == 'indian_pines' and method == 'branchynet' and exit == 1 and scaling == 'none'"
    )
    weight = bins[bins["bin"] == 15]["share"]
    top = bins[bins["bin"] == 15]
    gap = np.average(top["accuracy"] - top["confidence"], weights=weight)
    ax = draw("calibration", frames).axes[5]  # second dataset, first method
    line = ax.lines[1]  # after the line at zero
    assert line.get_ydata()[-1] == pytest.approx(gap)
    assert line.get_xdata()[-1] == pytest.approx(np.average(top["confidence"], weights=weight))


def test_exit_rules_shows_only_rules_that_apply(frames):
    ax = draw("exit_rules", frames).axes[0]
    rows = {}
    for container in ax.containers:
        (line, *_) = container.lines
        rows.setdefault(line.get_color(), []).append(round(line.get_ydata().item()))
    known = looks(["classynet", "soft_cgt"])
    assert rows[known["classynet"].color] == [0]
    assert sorted(rows[known["soft_cgt"].color]) == [0, 1, 2, 3]


def test_accuracy_cost_draws_the_mean_of_the_curves(one_seed):
    curves = one_seed["curves"].query("method == 'soft_cgt'")
    (ax,) = draw("accuracy_cost", one_seed).axes
    (line,) = [
        line
        for line in ax.lines
        if line.get_color() == looks(["soft_cgt"])["soft_cgt"].color and len(line.get_xdata()) > 2
    ]
    x, y = line.get_data()
    assert (x[0], x[-1]) == (curves["relative_cost"].min(), curves["relative_cost"].max())
    assert y[0] == curves["accuracy"].iloc[0]
    assert y[-1] == curves["accuracy"].iloc[-1]
    assert np.all((y >= curves["accuracy"].min()) & (y <= curves["accuracy"].max()))


def test_bars_fill_every_sample(frames):
    figure = draw("operating_points", frames)
    for ax in figure.axes:
        total = {}
        for bar in ax.patches:
            total[bar.get_y()] = total.get(bar.get_y(), 0) + bar.get_width()
        assert list(total.values()) == pytest.approx([1.0] * 6, abs=1e-5)


def test_all_figures_in_all_formats_with_the_same_bytes_twice(one_seed_dir, one_seed, tmp_path):
    draw_all(one_seed_dir, tmp_path)
    names = {f"{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "svg", "png")}
    assert {path.name for path in tmp_path.iterdir()} == names
    again = {name: ["svg"] for name in FIGURES} | {"exit_shares": ["pdf", "svg", "png"]}
    for name, suffixes in again.items():
        save(draw(name, one_seed), tmp_path / "again", suffixes)
        for suffix in suffixes:
            first = tmp_path / f"{name}.{suffix}"
            assert first.read_bytes() == (tmp_path / f"again.{suffix}").read_bytes()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_method_need_not_run_on_every_dataset(name, frames):
    def lacking(frame):
        return frame[(frame["dataset"] != "indian_pines") | (frame["method"] != "soft_cgt")]

    figure = draw(name, {table: lacking(frame) for table, frame in frames.items()})
    assert len(figure.axes) == len(draw(name, frames).axes)


def test_a_failed_save_leaves_nothing(one_seed, tmp_path):
    figure = draw("exit_shares", one_seed)
    figure.axes[0].set_title("$\\nosuchcommand$")
    with pytest.raises(ValueError, match="nosuchcommand"):
        save(figure, tmp_path / "figure", ["svg"])
    assert list(tmp_path.iterdir()) == []


KNOWN = [
    *("single_exit", "static", "branchynet", "cascade"),
    *("classynet", "hard_cgt", "soft_cgt", "cgt_plus"),
]


def test_looks_are_distinct_and_independent_of_order():
    methods = ["soft_cgt", "zeta", "single_exit", "alpha"]
    table = looks(methods)
    assert list(table) == methods
    assert table == looks(methods[::-1])
    many = looks([*KNOWN, *(f"method_{i}" for i in range(30))])
    assert len({style.look for style in many.values()}) == 38


def test_looks_of_the_cards_are_those_of_every_published_figure():
    found = {name: dataclasses.astuple(style) for name, style in looks(KNOWN).items()}
    assert found == {
        "single_exit": ("Single exit", "#7f7f7f", "X"),
        "static": ("Static", "#000000", "P"),
        "branchynet": ("BranchyNet", "#029e73", "s"),
        "cascade": ("CO", "#de8f05", "^"),
        "classynet": ("ClassyNet", "#cc78bc", "v"),
        "hard_cgt": ("HardCGT", "#d55e00", "D"),
        "soft_cgt": ("SoftCGT", "#0173b2", "o"),
        "cgt_plus": ("CGT+ (ours)", "#882255", ">"),
    }


def test_a_look_does_not_change_when_others_are_added():
    alone = looks(["my_method"])["my_method"]
    many = looks(["abc", "my_method", "soft_cgt_published", *KNOWN, "other", "zzz"])
    assert many["my_method"] == alone
    assert alone.name == "my_method"
    assert alone.look not in {many[name].look for name in KNOWN}


def test_where_two_would_look_alike_the_later_name_gives_way(monkeypatch):
    monkeypatch.setattr(style, "_OWN_COLORS", ("#111111", "#222222"))
    monkeypatch.setattr(style, "_SPARE_MARKERS", ("p",))
    names = ["m0", "m1", "m2", "m3"]
    alone = {name: looks([name])[name] for name in names}
    one, other = next(
        pair for pair in itertools.combinations(names, 2) if len({alone[n].look for n in pair}) == 1
    )
    both = looks([other, one])
    assert both[one] == alone[one]
    assert both[other].look != alone[one].look


def test_a_variant_has_its_cards_name_and_colour_and_another_marker():
    found = looks(["soft_cgt", "soft_cgt_published", "soft_cgt_without_gate", "soft"])
    card, published = found["soft_cgt"], found["soft_cgt_published"]
    assert published.name == "SoftCGT (published)"
    assert found["soft_cgt_without_gate"].name == "SoftCGT (without gate)"
    assert published.color == card.color
    assert published.marker != card.marker
    assert found["soft"].name == "soft"


def test_the_longest_card_name_counts(monkeypatch):
    cards = {
        "soft": {"short": "Soft", "look": {"color": "#000000", "marker": "o"}},
        "soft_cgt": {"short": "SoftCGT", "look": {"color": "#0173b2", "marker": "o"}},
        "plain": {"short": "Plain"},  # a card need not say how it looks
    }
    monkeypatch.setattr(style, "cards", lambda wing: cards)
    assert looks(["soft_cgt_b"])["soft_cgt_b"].name == "SoftCGT (b)"
    assert looks(["soft_b"])["soft_b"].name == "Soft (b)"
    assert looks(["plain"])["plain"].name == "Plain"


def test_names_of_datasets_come_from_their_cards():
    assert dataset_name("fashion_mnist") == "Fashion-MNIST"
    assert dataset_name("my_data") == "my_data"


def with_more(frames, names):
    """The tables with copies of SoftCGT under other names."""
    return {
        table: pd.concat(
            [frame, *(frame[frame["method"] == "soft_cgt"].assign(method=name) for name in names)]
        )
        for table, frame in frames.items()
    }


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"claims"}))
def test_a_new_method_is_in_every_figure(name, frames):
    figure = draw(name, with_more(frames, ["newcomer"]))
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert any("newcomer" in text for text in texts)


@pytest.mark.parametrize("name", ["training_dynamics", "gradients", "exit_shares", "calibration"])
def test_many_methods_take_more_rows_and_stay_wide_enough(name, frames):
    more = [f"method_{i}" for i in range(4)]
    few, many = draw(name, frames), draw(name, with_more(frames, more))
    lay_out(many)
    shown = [ax for ax in many.axes if ax.axison]
    titles = {ax.get_title() for ax in shown}
    assert {*more, "BranchyNet", "CO", "ClassyNet", "HardCGT", "SoftCGT"} == titles
    assert many.get_figheight() > 1.5 * few.get_figheight()
    assert many.get_figwidth() < 8
    dpi = many.dpi
    assert min(ax.get_window_extent().width / dpi for ax in shown) > 0.9


@pytest.mark.parametrize("name", ["training_dynamics", "gradients"])
def test_every_method_that_routes_is_in_the_figures_of_training(name, frames):
    titles = {ax.get_title() for ax in draw(name, frames).axes} - {""}
    assert titles == {"BranchyNet", "CO", "ClassyNet", "HardCGT", "SoftCGT"}


def test_resolved_shows_whoever_keeps_samples_from_an_exit(frames):
    def methods(frames):
        labels = [ax.get_ylabel() for ax in draw("resolved", frames).axes]
        return [label.split("\n")[0] for label in labels if label]

    assert methods(frames) == ["HardCGT", "SoftCGT"]
    training = frames["training"]
    gated = (training["method"] == "branchynet") & (training["exit"] == 3)
    changed = training.assign(mean_eligibility=training["mean_eligibility"].mask(gated, 0.99))
    assert methods(frames | {"training": changed}) == ["BranchyNet", "HardCGT", "SoftCGT"]


@pytest.mark.parametrize(("exits", "pairs"), [(2, 1), (3, 3), (4, 6), (5, 4), (6, 5)])
def test_no_more_pairs_of_exits_than_colours(exits, pairs):
    assert len(pairs_of(exits)) == pairs


def test_a_cheap_cascade_shares_the_cost_axis_with_the_networks(frames):
    """A hundredth of everybody's cost: its curve ends where the others have not begun."""
    cheap = with_more(frames, ["cascade_external"])
    for table in ("curves", "operating_points", "oracle"):
        cost = cheap[table]["relative_cost"]
        own = cheap[table]["method"] == "cascade_external"
        cheap[table] = cheap[table].assign(relative_cost=cost.mask(own, cost / 100))
    ax = draw("accuracy_cost", cheap).axes[0]
    color = looks(["cascade_external"])["cascade_external"].color
    own = [
        line
        for line in ax.lines
        if line.get_color() == color and line.get_linestyle() == "-" and len(line.get_xdata()) > 9
    ]
    ends = sorted(line.get_xdata()[-1] for line in own)
    assert ends[0] <= 0.01 and ends[-1] > 0.9  # it, and CO
    assert ax.get_xlim()[0] < 0.002
    assert ax.get_xlabel() == "Cost (% of the single-exit network)"
