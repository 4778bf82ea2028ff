"""Pictures: drawn, as the figures are, from small files in the summary alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from cgt.analysis.pictures.confusion import confusion, read_class_names
from cgt.analysis.pictures.gallery import gallery
from cgt.analysis.pictures.scene import scene
from cgt.analysis.style import RC, in_parallel, save

CONFUSION_FILES = ("confusion.csv", "class_names.csv")


def pictures_of(summary_dir: Path | str, shown: str) -> dict[str, Callable[[], Figure]]:
    """What can be drawn from a summary, by name: each call draws one picture.

    - `gallery_{dataset}` and `scene_{dataset}` from the `.npz` of this name;
    - `confusion_{dataset}` of every dataset with class names, from `CONFUSION_FILES`.

    shown: the method of the confusions; galleries and scenes hold their own.
    """
    summary = Path(summary_dir)
    found: dict[str, Callable[[], Figure]] = {
        path.stem: partial(draw, path)
        for kind, draw in (("gallery", gallery), ("scene", scene))
        for path in sorted(summary.glob(f"{kind}_*.npz"))
    }
    counts, names = (summary / name for name in CONFUSION_FILES)
    if counts.is_file() and names.is_file():
        for dataset in read_class_names(names):
            found[f"confusion_{dataset}"] = partial(confusion, counts, names, dataset, shown)
    return found


def draw_pictures(summary_dir: Path | str, out_dir: Path | str, shown: str, jobs: int = 1) -> None:
    """Draw every picture of :func:`pictures_of` into `out_dir/{picture}.{pdf,svg,png}`.

    Which there are depends on the datasets that the configuration has.

    jobs: how many processes draw at a time.

    Raises ValueError if there is none.
    """
    pictures = pictures_of(summary_dir, shown)
    if not pictures:
        raise ValueError(f"{summary_dir}: holds no picture's data: nothing is drawn; run `make`")
    in_parallel(partial(_draw_into, Path(out_dir), pictures), pictures, jobs)


def _draw_into(folder: Path, pictures: dict[str, Callable[[], Figure]], name: str) -> None:
    with matplotlib.rc_context(RC):
        figure = pictures[name]()
    save(figure, folder / name)
