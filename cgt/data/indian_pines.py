"""Indian Pines: an AVIRIS scene of 145 x 145 pixels and 200 bands, 16 classes of land cover.

A sample is the patch around one labelled pixel. Pixels are drawn at random within each class:
10 % train, 10 % validation, the rest test, rounded half up, with at least 3 training pixels and
1 validation pixel a class. Neighbouring patches overlap, so this habit of the field leaks; see
`cgt.data.patches.patch_overlap`. An index is row * width + column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cgt.data.builder import Arrays
from cgt.data.formats import npy_bytes, parse_npy
from cgt.data.matlab import parse_mat
from cgt.data.packages import PythonPackage
from cgt.data.raw import NpyFile, RawFile
from cgt.data.scene_builder import SceneBuilder
from cgt.data.sources import Location, Source, SourceFormat, mirror
from cgt.records.cards import Card

CARD = {
    "title": "Indian Pines",
    "kind": "scene",
    "raw": "indian_pines",
    "files": ["cube.npy", "ground_truth.npy"],
    "augmentation": "dihedral",
    "settings": {
        "components": {
            "type": "integer",
            "minimum": 1,
            "maximum": 200,
            "default": 30,
            "meaning": "principal components kept of the 200 bands",
        },
        "patch": {
            "enum": [5, 7, 9, 11, 13, 15],
            "default": 11,
            "meaning": "side of the patch around a pixel, pixels",
        },
    },
    "source": "Baumgardner, Biehl, Landgrebe, 220 Band AVIRIS Hyperspectral Image Data Set: June "
    "12, 1992 Indian Pine Test Site 3, Purdue University Research Repository, 2015, "
    "doi:10.4231/R7RX991C",
}

CUBE = "cube.npy"
GROUND_TRUTH = "ground_truth.npy"
_SHOWN = (49, 28, 15)
"""Near infrared, red and green as red, green and blue, as in infrared film: plants are red."""

FILES = (
    NpyFile(
        CUBE,
        (145, 145, 200),
        "<u2",
        "36468dd7336c8bd37a80cced54362ea426f226703f3797ba494556fd8134e77f",
    ),
    NpyFile(
        GROUND_TRUTH,
        (145, 145),
        "u1",
        "ebf20cfe0bce98f01885f0ab4fd1857925db3ef0a1f1624bbee3ffcb92425103",
    ),
)
CLASS_NAMES = (
    "Alfalfa",
    "Corn-notill",
    "Corn-mintill",
    "Corn",
    "Grass-pasture",
    "Grass-trees",
    "Grass-pasture-mowed",
    "Hay-windrowed",
    "Oats",
    "Soybean-notill",
    "Soybean-mintill",
    "Soybean-clean",
    "Wheat",
    "Woods",
    "Buildings-Grass-Trees-Drives",
    "Stone-Steel-Towers",
)


def _format(cube: str, ground_truth: str, parse: Callable[..., np.ndarray]) -> SourceFormat:
    names = {CUBE: cube, GROUND_TRUTH: ground_truth}
    return SourceFormat(
        name=lambda file: names[file.name],
        # Rewritten in C order and little-endian, whatever the source uses.
        unpack=lambda data, file: npy_bytes(
            parse(data, file.shape, file.dtype).astype(file.dtype, order="C")
        ),
    )


_MIRROR = _format("Indian_pines_corrected.mat", "Indian_pines_gt.mat", parse_mat)
_OFFICIAL = _format("6/67/Indian_pines_corrected.mat", "c/c4/Indian_pines_gt.mat", parse_mat)
_TENSORLY = _format("Indian_pines_corrected.npy", "Indian_pines_gt.npy", parse_npy)
_URLS = ("https://www.ehu.eus/ccwintco/uploads",)


@dataclass(frozen=True)
class IndianPines(SceneBuilder):
    """Pixels drawn at random within each class."""

    card: ClassVar[Card] = CARD
    mirror_format: ClassVar[SourceFormat] = _MIRROR

    name: str = "indian_pines"
    class_names: tuple[str, ...] = CLASS_NAMES
    files: tuple[RawFile, ...] = FILES
    urls: tuple[str, ...] = _URLS

    def sources(self) -> Sequence[Source]:
        return [
            *mirror(self.raw_name, _MIRROR),
            PythonPackage("tensorly", "datasets/data", _TENSORLY),
            *(Location(url, _OFFICIAL) for url in self.urls),
        ]

    def cube(self, raw: Arrays) -> np.ndarray:
        return raw[CUBE]

    def truth(self, raw: Arrays) -> np.ndarray:
        return raw[GROUND_TRUTH]

    def shown(self, raw: Arrays) -> tuple[int, int, int]:
        return _SHOWN
