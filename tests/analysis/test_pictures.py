"""What the pictures show, counted by hand; and that they can be drawn from files alone."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from cgt.analysis.pictures import draw_pictures, pictures_of
from cgt.analysis.pictures.confusion import matrix, read_class_names, read_confusion
from cgt.analysis.pictures.data import choose, confusion, write_confusion, write_gallery
from cgt.analysis.pictures.gallery import gallery
from cgt.analysis.pictures.parts import LAND_COVER, class_colors, paint
from cgt.records.files import load_npz, save_npz
from cgt.records.predictions import Predictions, SplitPredictions, save_predictions

NAMES = list(LAND_COVER)
RUN = ("fashion_mnist", "soft_cgt", 1)


@pytest.fixture
def test_split():
    """Two exits, six samples in no order; the threshold of all pictures is 0.9."""
    return SplitPredictions(
        prediction=np.array([[0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 1, 0]]),
        confidence=np.array(
            [[0.95, 0.9, 0.99, 0.5, 0.5, 0.97], [1, 1, 1, 0.2, 0.3, 1]], dtype=np.float32
        ),
        target=np.array([0, 0, 0, 0, 0, 0]),
        index=np.array([40, 10, 50, 20, 30, 60]),
    )


def test_gallery_takes_the_first_of_each_kind_in_the_order_of_the_dataset(test_split):
    chosen = choose(test_split, num_classes=2, each=2)
    # Exit 1 takes samples 40, 10, 50, 60 (0.9 reaches 0.9); 50 is wrong there.
    assert chosen["count"][:, :, 0].tolist() == [[3, 1], [1, 1]]
    assert chosen["count"][:, :, 1].sum() == 0
    assert chosen["index"][0, 0, 0].tolist() == [10, 40]
    assert chosen["index"][0, 1, 0].tolist() == [50, -1]
    assert chosen["index"][1, 0, 0].tolist() == [20, -1]
    assert chosen["index"][1, 1, 0].tolist() == [30, -1]
    assert chosen["answer"][:, 1, 0].tolist() == [[1, -1], [1, -1]]
    assert (chosen["index"][:, :, 1] == -1).all()


def test_confusion_counts_at_the_exit_that_answers(test_split):
    rows = confusion(test_split, RUN)
    assert rows.drop(columns=["dataset", "method", "seed"]).to_numpy().tolist() == [
        [1, 0, 0, 3],
        [1, 0, 1, 1],
        [2, 0, 0, 1],
        [2, 0, 1, 1],
    ]
    assert matrix(rows[rows["exit"] == 1], 2).tolist() == [[3, 1], [0, 0]]


def test_paint_looks_colours_up():
    painted = paint(np.array([[1, 0]]), ["#ff0000", "#00ff00"])
    assert painted.tolist() == [[list(to_rgb("#00ff00")), list(to_rgb("#ff0000"))]]


def images(index):
    """Images of 2 x 3 pixels, as bright as their position."""
    bright = np.where(index >= 0, index, 0).astype(np.uint8)
    return np.broadcast_to(bright[..., None, None], (*index.shape, 2, 3))


def signals(index):
    """Signals of 40 samples with as many waves as their position; NaN where there is none."""
    wave = np.sin(np.linspace(0, 6, 40) * index[..., None])
    return np.where(index[..., None] >= 0, wave, np.nan).astype(np.float32)


def test_gallery_holds_the_chosen_samples_with_their_images(test_split, tmp_path):
    write_gallery(tmp_path / "g.npz", test_split, images, NAMES[:2], "soft_cgt", 3)
    found = load_npz(tmp_path / "g.npz")
    for name, array in choose(test_split, 2).items():
        assert np.array_equal(found[name], array)
    assert np.array_equal(found["image"], images(found["index"]))
    assert (str(found["shown"]), int(found["seed"]), float(found["threshold"])) == (
        *("soft_cgt", 3),
        0.9,
    )


def test_signals_are_drawn_as_lines_where_there_are_some(test_split, tmp_path):
    path = tmp_path / "gallery_mine.npz"
    write_gallery(path, test_split, signals, NAMES[:2], "soft_cgt", 3)
    figure = gallery(path)
    # Exit 1: two of three right ones, one wrong; exit 2: one each.
    assert [len(ax.lines) for ax in figure.axes] == [2, 1, 1, 1]
    assert figure.get_suptitle() == "mine, SoftCGT, seed 3, threshold 0.9"
    line = figure.axes[0].lines[0]
    assert len(line.get_xdata()) == 40
    assert 0 <= line.get_ydata().min() < line.get_ydata().max() <= 28


def test_coloured_images_are_shown_as_they_are_on_white(test_split, tmp_path):
    def colored(index):
        return np.repeat(images(index)[..., None], 3, axis=-1)

    path = tmp_path / "gallery_mine.npz"
    write_gallery(path, test_split, colored, NAMES[:2], "soft_cgt", 3)
    (sheet,) = gallery(path).axes[0].images
    pixels = sheet.get_array()
    assert pixels.shape[2] == 3
    assert pixels[0, 0].tolist() == [10, 10, 10]  # the first sample
    assert (pixels[:2, 6:9] == 255).all()  # of the second class there is none


def test_unknown_classes_get_colours_that_differ():
    for count in (2, 5, 9, 20):
        colors = class_colors([f"class {number}" for number in range(count)])
        assert len(set(colors)) == count
    assert class_colors(NAMES) == list(LAND_COVER.values())


def test_land_cover_colours_are_all_different():
    colors = np.array([to_rgb(color) for color in LAND_COVER.values()])
    apart = np.abs(colors[:, None] - colors[None]).sum(axis=2)
    assert apart[~np.eye(len(colors), dtype=bool)].min() > 0.15


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """The files of all pictures, made of random numbers."""
    folder = tmp_path_factory.mktemp("summary")
    rng = np.random.default_rng(0)
    methods = ["single_exit", "static", "branchynet", "classynet", "hard_cgt", "soft_cgt"]
    size = (len(methods), 12, 15)
    exits = rng.integers(1, 4, size)
    exits[0], exits[1] = 1, 3
    for dataset in ("indian_pines", "indian_pines_disjoint"):
        save_npz(
            folder / f"scene_{dataset}.npz",
            shown="soft_cgt",
            color=rng.integers(0, 256, (12, 15, 3), dtype=np.uint8),
            truth=rng.integers(0, 17, size[1:], dtype=np.uint8),
            split=rng.integers(0, 4, size[1:], dtype=np.uint8),
            class_names=NAMES,
            methods=methods,
            exits=np.array([1, 3, 3, 3, 3, 3]),
            prediction=rng.integers(0, 16, size, dtype=np.uint8),
            exit=exits,
        )
    answer = rng.integers(-1, 10, (3, 2, 10, 2))
    save_npz(
        folder / "gallery_fashion_mnist.npz",
        shown="soft_cgt",
        seed=1,
        threshold=0.9,
        class_names=NAMES[:10],
        index=answer,
        answer=answer,
        count=rng.integers(0, 99, (3, 2, 10)),
        image=rng.integers(0, 256, (*answer.shape, 28, 28), dtype=np.uint8),
    )
    save_npz(
        folder / "gallery_mine.npz",
        shown="soft_cgt",
        seed=1,
        threshold=0.9,
        class_names=NAMES[:10],
        index=answer,
        answer=answer,
        count=rng.integers(0, 99, (3, 2, 10)),
        signal=rng.normal(0, 1, (*answer.shape, 40)).astype(np.float32),
    )
    runs = {}
    for dataset in ("fashion_mnist", "indian_pines", "indian_pines_disjoint", "mine"):
        target = rng.integers(0, 10, 200)
        part = SplitPredictions(
            prediction=np.where(rng.random((3, 200)) < 0.9, target, 4),
            confidence=rng.random((3, 200)).astype(np.float32),
            target=target,
            index=np.arange(200),
        )
        path = folder / dataset / "predictions.npz"
        save_predictions(path, Predictions(part, part, np.array([1, 2, 3])))
        runs[dataset, "soft_cgt", 1] = path
    write_confusion(runs, {dataset: NAMES for dataset, _, _ in runs}, folder)
    return folder


ALL = {
    *("gallery_fashion_mnist", "gallery_mine"),
    *("scene_indian_pines", "scene_indian_pines_disjoint"),
    *("confusion_fashion_mnist", "confusion_mine"),
    *("confusion_indian_pines", "confusion_indian_pines_disjoint"),
}


def test_all_pictures_are_drawn_from_the_summary_and_always_the_same(summary, tmp_path):
    for out in ("a", "b"):
        draw_pictures(summary, tmp_path / out, "soft_cgt")
    names = {f"{picture}.{suffix}" for picture in ALL for suffix in ("pdf", "svg", "png")}
    assert {path.name for path in (tmp_path / "a").iterdir()} == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_without_its_file_a_picture_is_left_out(summary, tmp_path):
    for file in ("gallery_mine.npz", "confusion.csv"):
        (tmp_path / file).write_bytes((summary / file).read_bytes())
    assert set(pictures_of(tmp_path, "soft_cgt")) == {"gallery_mine"}  # no class is named
    draw_pictures(tmp_path, tmp_path / "out", "soft_cgt")
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {"gallery_mine"}


def test_scene_picture_names_methods_and_exits(summary):
    figure = pictures_of(summary, "soft_cgt")["scene_indian_pines"]()
    texts = [ax.get_title(loc="left") for ax in figure.axes]
    texts += [text.get_text() for ax in figure.axes for text in ax.texts]
    for words in ("False colours", "Ground truth", "Split", "SoftCGT", "one exit"):
        assert words in texts
    assert "all at exit 3" in texts  # side by side, one network answers for everything
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"Train", "Validation", "Test", "Exit 1", "Exit 3"} <= legend


def test_confusion_of_wrong_columns_is_refused(tmp_path):
    pd.DataFrame({"exit": [1]}).to_csv(tmp_path / "confusion.csv", index=False)
    with pytest.raises(ValueError, match="columns are"):
        read_confusion(tmp_path / "confusion.csv")


def test_a_confusion_of_a_method_that_was_not_run_is_refused(summary):
    with pytest.raises(ValueError, match="hard_cgt was not run on mine; methods are soft_cgt"):
        pictures_of(summary, "hard_cgt")["confusion_mine"]()


def test_class_names_are_kept_in_the_order_of_their_numbers(summary):
    assert read_class_names(summary / "class_names.csv")["mine"] == NAMES


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "fashion_mnist has no class names; its reference file is needed"),
        ({"fashion_mnist": ["one"]}, "holds class 1; fashion_mnist has 1 class names"),
    ],
)
def test_classes_without_a_name_are_refused(test_split, tmp_path, names, message):
    path = tmp_path / "predictions.npz"
    save_predictions(path, Predictions(test_split, test_split, np.array([1, 2])))
    with pytest.raises(ValueError, match=message):
        write_confusion({RUN: path}, names, tmp_path)
