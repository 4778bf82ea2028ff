"""Fashion-MNIST: grey images of 28 x 28 pixels, 10 classes of clothing (Xiao et al. 2017).

Training and validation come from the official training set, stratified, one tenth of it for
validation (6,000 images, 600 a class); the test set is the official one. An index is a position
in the official training set (train, val) or in the official test set (test).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cgt.data.dataset import Split
from cgt.data.formats import gunzip
from cgt.data.packages import DebianDownload
from cgt.data.raw import IdxFile, RawFile
from cgt.data.recipe import SPLITS, Arrays, Recipe
from cgt.data.sources import Location, Packing, Source, mirror
from cgt.data.splits import class_counts, draw_stratified, generator, proportional_counts

CARD = {"title": "Fashion-MNIST", "kind": "images"}

_PACKAGE = "dataset-fashion-mnist"
_PACKAGE_FOLDER = "usr/share/datasets/fashion-mnist"
_URLS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    # This host has no TLS. The checksums hold for every source.
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)
_GZIPPED = Packing(
    name=lambda file: f"{file.name}.gz",
    unpack=lambda data, file: gunzip(data, file.max_bytes),
)
_IMAGES = {
    "train": "train-images-idx3-ubyte",
    "val": "train-images-idx3-ubyte",
    "test": "t10k-images-idx3-ubyte",
}

FILES = (
    IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "u1",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "u1",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "u1",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "u1",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True)
class FashionMNIST(Recipe):
    """x = (pixel / 255 - mean) / std, with one mean and std over all training pixels."""

    defaults: ClassVar[Mapping[str, int]] = {}
    fitted: ClassVar[tuple[str, ...]] = ("mean", "std")
    mirror_packing: ClassVar[Packing] = _GZIPPED
    pools: ClassVar[Mapping[str, str]] = _IMAGES

    name: str = "fashion_mnist"
    class_names: tuple[str, ...] = CLASS_NAMES
    files: tuple[RawFile, ...] = FILES
    urls: tuple[str, ...] = _URLS

    def sources(self) -> Sequence[Source]:
        return [
            *mirror(self.name, _GZIPPED),
            *(Location(url, _GZIPPED) for url in self.urls),
            Location(f"/{_PACKAGE_FOLDER}", _GZIPPED, title=f"installed Debian package {_PACKAGE}"),
            DebianDownload(_PACKAGE, _PACKAGE_FOLDER, _GZIPPED),
        ]

    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        return raw[_IMAGES[split].replace("images-idx3", "labels-idx1")].astype(np.int64)

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        labels = self.labels(raw, "train")
        counts = class_counts(labels, len(self.class_names))
        val = proportional_counts(counts, len(labels) // 10)
        train_index, val_index = draw_stratified(
            labels, [counts - val, val], generator(self.name, seed, "split")
        )
        test_index = np.arange(len(self.labels(raw, "test")), dtype=np.int64)
        return {"train": train_index, "val": val_index, "test": test_index}

    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, int]) -> Arrays:
        images = raw[_IMAGES["train"]]
        # Moments from a histogram: exact, and no float64 copy of the images.
        histogram = sum(np.bincount(images[i].ravel(), minlength=256) for i in train_index)
        levels = np.arange(256) / 255
        mean = np.average(levels, weights=histogram)
        std = np.sqrt(np.average((levels - mean) ** 2, weights=histogram))
        return {"mean": np.array(mean), "std": np.array(std)}

    def build(self, raw: Arrays, prepared: Arrays) -> dict[str, Split]:
        return {split: self._build_one(raw, prepared, split) for split in SPLITS}

    def _build_one(self, raw: Arrays, prepared: Arrays, split: str) -> Split:
        index = prepared[f"{split}_index"]
        x = raw[_IMAGES[split]][index].astype(np.float32)[:, None]
        x -= np.float32(255 * prepared["mean"])
        x /= np.float32(255 * prepared["std"])
        return Split(x=x, y=self.labels(raw, split)[index], index=index)
