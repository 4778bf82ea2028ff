"""Pictures: drawn, as the figures are, from small files in the summary alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure

from cgt.analysis.pictures.confusion import confusion
from cgt.analysis.pictures.gallery import gallery
from cgt.analysis.pictures.scene import scene
from cgt.analysis.style import RC, in_parallel, save


class Picture(NamedTuple):
    """A drawing function and the summary files it takes, in order."""

    draw: Callable[..., Figure]
    files: tuple[str, ...]


PICTURES = {
    "gallery": Picture(gallery, ("gallery.npz",)),
    "confusion_fashion_mnist": Picture(
        partial(confusion, dataset="fashion_mnist"), ("confusion.csv", "gallery.npz")
    ),
}
for _dataset in ("indian_pines", "indian_pines_disjoint"):
    _file = f"scene_{_dataset}.npz"
    PICTURES[f"scene_{_dataset}"] = Picture(scene, (_file,))
    PICTURES[f"confusion_{_dataset}"] = Picture(
        partial(confusion, dataset=_dataset), ("confusion.csv", _file)
    )


def draw_pictures(summary_dir: Path | str, out_dir: Path | str, jobs: int = 1) -> None:
    """Draw every picture whose files lie in `summary_dir` into `out_dir/{picture}.{pdf,svg,png}`.

    Which ones do depends on the datasets that the configuration has.

    jobs: how many processes draw at a time.
    """
    summary = Path(summary_dir)
    there = [
        name
        for name, picture in PICTURES.items()
        if all((summary / file).is_file() for file in picture.files)
    ]
    in_parallel(partial(_draw_into, Path(out_dir), summary), there, jobs)


def _draw_into(folder: Path, summary: Path, name: str) -> None:
    draw, files = PICTURES[name]
    with matplotlib.rc_context(RC):
        figure = draw(*(summary / file for file in files))
    save(figure, folder / name)
