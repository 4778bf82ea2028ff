"""The paper's figures show the paper's methods and at most three others; small panels show all."""

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.figures import draw
from cgt.analysis.figures.shown import MOST_OTHERS, only, shown_methods
from cgt.analysis.style import looks

OTHERS = ("cgt_plus", "soft_cgt_late", "stranger", "visitor")


@pytest.fixture(scope="module")
def crowded(frames):
    """Four methods more than the paper's, each BranchyNet shifted by a known amount of area."""
    shifts = dict(zip(OTHERS, (0.01, -0.02, 0.03, 0.02), strict=True))
    tables = {}
    for name, frame in frames.items():
        copies = [frame[frame["method"] == "branchynet"].assign(method=m) for m in OTHERS]
        tables[name] = pd.concat([frame, *copies], ignore_index=True)
    areas = tables["areas"]
    shift = areas["method"].map(shifts).fillna(0)
    tables["areas"] = areas.assign(mean_budget_accuracy=areas["mean_budget_accuracy"] + shift)
    return tables


def test_the_best_three_others_stand_beside_the_papers_methods(frames, crowded):
    papers = list(dict.fromkeys(frames["exits"]["method"]))
    assert shown_methods(frames) == papers
    assert shown_methods(crowded) == [*papers, "cgt_plus", "stranger", "visitor"]
    # Where the numbers say otherwise, another one is left out.
    areas = crowded["areas"]
    other = areas["mean_budget_accuracy"].where(areas["method"] != "stranger", 0.0)
    turned = {**crowded, "areas": areas.assign(mean_budget_accuracy=other)}
    assert shown_methods(turned) == [*papers, "cgt_plus", "soft_cgt_late", "visitor"]


def test_an_area_counts_within_its_dataset(crowded):
    """A method that was run on the easiest dataset alone is not the best for that."""
    areas = crowded["areas"]
    means = areas.groupby("dataset")["mean_budget_accuracy"].mean()
    lowered = areas["mean_budget_accuracy"] - 0.3 * (areas["dataset"] != means.index[0])
    alone = (areas["method"] != "soft_cgt_late") | (areas["dataset"] == means.index[0])
    changed = areas.assign(mean_budget_accuracy=lowered)[alone]
    assert "soft_cgt_late" not in shown_methods({**crowded, "areas": changed})


def test_nothing_is_left_out_where_there_are_few(frames):
    assert only(frames, shown_methods(frames)) is frames


def test_the_main_figure_shows_few_and_the_small_panels_all(crowded):
    handles = draw("accuracy_cost", crowded).legends[0].get_texts()
    names = [text.get_text() for text in handles]
    assert "stranger" in names and "SoftCGT (late)" not in names
    assert len(names) == 7 + MOST_OTHERS + 1  # the paper's methods and references, the oracle
    for name in ("accuracy_cost_all", "comparisons", "exit_shares"):
        figure = draw(name, crowded)
        texts = [ax.get_title() for ax in figure.axes]
        texts += [label.get_text() for ax in figure.axes for label in ax.get_yticklabels()]
        assert {"stranger", "visitor"} <= set(texts), name


def rows(frame, dataset, method):
    return frame[(frame["dataset"] == dataset) & (frame["method"] == method)]


def test_each_small_panel_has_its_own_curve_over_those_of_all_others(frames):
    figure = draw("accuracy_cost_all", frames)
    routing = [m for m in dict.fromkeys(frames["oracle"]["method"])]
    datasets = list(dict.fromkeys(frames["curves"]["dataset"]))
    shown = [ax for ax in figure.axes if ax.lines]
    assert len(shown) == len(routing) * len(datasets)
    known = looks(frames["exits"]["method"])
    for ax, (dataset, method) in zip(
        shown, [(d, m) for d in datasets for m in routing], strict=True
    ):
        (own,) = [line for line in ax.lines if line.get_color() == known[method].color]
        grey = [line for line in ax.lines if line.get_color() == "0.8"]
        assert len(grey) == len(routing) - 1
        (level,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        of = rows(frames["exits"], dataset, "single_exit")
        assert level.get_ydata()[0] == pytest.approx(of["accuracy"].mean())
        # At threshold 1 every sample is at the last exit: the curve's right end.
        curve = rows(frames["curves"], dataset, method)
        last = curve[curve["threshold"] == 1]
        if last["relative_cost"].nunique() == 1:
            assert np.isclose(own.get_ydata()[-1], last["accuracy"].mean())
